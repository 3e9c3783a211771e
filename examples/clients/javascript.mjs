// Contradictions, side by side:  node javascript.mjs http://127.0.0.1:8000
// Node 18 or newer, or a browser (the API allows other origins); nothing to install.

const base = process.argv[2];

/** Every record of a list, page by page. */
async function* records(path) {
  while (path) {
    const answer = await fetch(base + path);
    const page = await answer.json();
    // Errors are problem documents (RFC 9457): the detail says what is allowed.
    if (!answer.ok) throw new Error(page.detail);
    yield* page.items;
    path = page.next;
  }
}

for await (const contradiction of records("/api/contradictions?limit=10")) {
  const origins = contradiction.independent_origins.length;
  console.log(`${contradiction.id}: ${contradiction.label}`);
  console.log(`  from ${origins} independent origin(s); ${contradiction.settled_by.text}`);
  for (const claim of contradiction.claims ?? []) {
    const said = `${claim.hedge.label}, ${claim.source.label}`;
    console.log(`  ${claim.id} (${said}): ${claim.paraphrase}`);
  }
  // Figures of a chip, with a rule's threshold between them. Some rest on a note.
  for (const figure of contradiction.measurements ?? []) {
    const sources = (figure.sources ?? []).map((source) => source.label).join(", ") || figure.note;
    console.log(`  ${figure.value} ${figure.unit} (${figure.status}, ${sources})`);
  }
}

const query = `
  PREFIX ct: <https://w3id.org/chiptrail/ont#>
  PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
  SELECT ?hedge (COUNT(*) AS ?claims) { ?claim a ct:Claim ; ct:hedge/rdfs:label ?hedge }
  GROUP BY ?hedge ORDER BY DESC(?claims)`;
const answer = await fetch(`${base}/sparql`, {
  method: "POST",
  headers: { Accept: "application/sparql-results+json" },
  body: new URLSearchParams({ query }),
});
for (const row of (await answer.json()).results.bindings) {
  console.log(`${row.hedge.value}: ${row.claims.value} claims`);
}

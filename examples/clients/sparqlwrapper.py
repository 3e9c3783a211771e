"""Refuted claims and what the evidence says instead, with SPARQLWrapper.

    python sparqlwrapper.py http://127.0.0.1:8000

Needs: pip install SPARQLWrapper
"""

import sys

from SPARQLWrapper import JSON, SPARQLWrapper

endpoint = SPARQLWrapper(f"{sys.argv[1]}/sparql")
endpoint.setReturnFormat(JSON)
endpoint.setQuery("""
PREFIX ct: <https://w3id.org/chiptrail/ont#>
PREFIX con: <https://w3id.org/chiptrail/con/>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX schema: <https://schema.org/>

SELECT ?claim ?statement ?fact ?url WHERE {
  ?check ct:assesses ?claim ; ct:verdict con:refuted ; ct:evidence ?evidence .
  ?claim ct:paraphrase ?statement .
  ?evidence rdfs:comment ?fact .
  OPTIONAL { ?evidence schema:url ?url }
} ORDER BY ?claim ?evidence
""")

for row in endpoint.query().convert()["results"]["bindings"]:
    claim = row["claim"]["value"].rpartition("/")[2]
    print(f"{claim}: {row['statement']['value']}")
    print(f"    refuted: {row['fact']['value']}")
    print(f"    {row['url']['value'] if 'url' in row else '(no address)'}")

# A better record takes the name of a claim: the old one is closed and kept in g:history under a
# name of its own, $closed, and so are its parts, whose names begin with its name.
DELETE { GRAPH $graph { ?node ?property ?value } }
INSERT {
  GRAPH g:history {
    ?kept ?property ?keptValue .
    $closed ct:recordedTo $at ; ct:endReason $reason ; ct:supersededBy $claim .
  }
  GRAPH $graph { $successor }
}
WHERE {
  GRAPH $graph { $claim a ct:Claim }
  FILTER NOT EXISTS { GRAPH ?anywhere { $closed a ct:Claim } }
  { BIND($claim AS ?node) }
  UNION {
    GRAPH $graph { $claim ct:quantity|ct:attribution ?node }
    FILTER(STRSTARTS(STR(?node), CONCAT(STR($claim), "-")))
  }
  GRAPH $graph { ?node ?property ?value }
  FILTER(?property != ct:rank)
  BIND(IRI(CONCAT(STR($closed), STRAFTER(STR(?node), STR($claim)))) AS ?kept)
  BIND(IF(
    ?property IN (ct:quantity, ct:attribution) && STRSTARTS(STR(?value), CONCAT(STR($claim), "-")),
    IRI(CONCAT(STR($closed), STRAFTER(STR(?value), STR($claim)))),
    ?value
  ) AS ?keptValue)
}

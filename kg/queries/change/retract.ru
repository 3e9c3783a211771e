# A claim is taken back: its record is closed, and kept in g:history under the same name.
# Its parts go with it; passages stay, as other claims may share them.
DELETE { GRAPH $graph { ?node ?property ?value } }
INSERT {
  GRAPH g:history {
    ?node ?property ?value .
    $claim ct:recordedTo $at ; ct:endReason $reason .
  }
}
WHERE {
  GRAPH $graph { $claim a ct:Claim }
  { BIND($claim AS ?node) }
  UNION {
    GRAPH $graph { $claim ct:quantity|ct:attribution ?node }
    FILTER(STRSTARTS(STR(?node), CONCAT(STR($claim), "-")))
  }
  GRAPH $graph { ?node ?property ?value }
  FILTER(?property != ct:rank)
}

# Best knowledge: the plain triples of those claims that hold today, each with its basis.
#   verified     the content was checked and supported, or comes from evidence
#   uncontested  plainly asserted, no verdict against or for it, no strict contradiction with a
#                claim that still stands
# An interpretation (a cause, a motive, a judgement) never enters on mere assertion. A state
# (true for a while) enters only while it is fresh and has not ended.
INSERT {
  GRAPH g:current { ?subject ?property ?value }
  GRAPH g:current-why { ?claim ct:currentBasis ?basis }
}
WHERE {
  GRAPH g:sources { ?dataset a dcat:Dataset ; ct:asOf ?asOf ; ct:freshSince ?freshSince }
  GRAPH ?graph {
    ?claim ct:subject ?subject ; ct:property ?property ;
           ct:polarity con:affirmed ; ct:hedge ?hedge ; ct:rank ?rank .
  }
  FILTER(?graph != g:history && ?rank != con:deprecated)
  { GRAPH ?graph { ?claim ct:object ?value } }
  UNION { GRAPH ?graph { ?claim ct:literal ?value } }
  UNION { GRAPH ?graph { ?claim ct:quantity ?value } }

  BIND(EXISTS { GRAPH ?graph { ?claim a ct:ExternalClaim } } || EXISTS {
    GRAPH g:assessments { ?for ct:assesses ?claim ; ct:verdictScope con:content ; ct:verdict con:supported }
  } AS ?verified)
  BIND(?hedge = con:asserted
    && NOT EXISTS { GRAPH g:assessments { ?any ct:assesses ?claim } }
    && NOT EXISTS {
      GRAPH g:links {
        ?conflict ct:linkType con:contradicts ; ct:strict true ; ct:member ?claim, ?other .
      }
      FILTER(?other != ?claim && NOT EXISTS { GRAPH g:history { ?other a ct:Claim } })
    } AS ?uncontested)
  FILTER(?verified || ?uncontested)
  BIND(IF(?verified, con:verified, con:uncontested) AS ?basis)

  FILTER(?verified || NOT EXISTS {
    GRAPH g:ontology { ?property a ct:InterpretiveProperty }
  })
  OPTIONAL { GRAPH ?graph { ?claim ct:statedLatest ?stated } }
  OPTIONAL { GRAPH ?graph { ?claim ct:validTo ?ended } }
  FILTER(
    NOT EXISTS { GRAPH g:ontology { ?property a ct:StateProperty } }
    || (BOUND(?stated) && ?stated >= ?freshSince && (!BOUND(?ended) || ?ended >= ?asOf))
  )
}

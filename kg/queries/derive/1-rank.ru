# The rank of a claim follows from the verdicts on its content; nobody types it.
#   deprecated  refuted, misleading or outdated
#   preferred   supported, or itself taken from evidence
#   normal      the rest: unchecked, disputed, unverified, partly supported
INSERT { GRAPH ?graph { ?claim ct:rank ?rank } }
WHERE {
  GRAPH ?graph { ?claim a ct:Claim }
  BIND(EXISTS {
    GRAPH g:assessments { ?against ct:assesses ?claim ; ct:verdictScope con:content ; ct:verdict ?verdict }
    FILTER(?verdict IN (con:refuted, con:misleading, con:outdated))
  } AS ?fails)
  BIND(EXISTS { GRAPH ?graph { ?claim a ct:ExternalClaim } } || EXISTS {
    GRAPH g:assessments { ?for ct:assesses ?claim ; ct:verdictScope con:content ; ct:verdict con:supported }
  } AS ?holds)
  BIND(IF(?fails, con:deprecated, IF(?holds, con:preferred, con:normal)) AS ?rank)
}

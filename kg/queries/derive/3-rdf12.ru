# The claim is also the reifier of the triple that it is about (RDF 1.2), for clients that ask so.
INSERT { GRAPH g:rdf12 { ?claim rdf:reifies <<( ?subject ?property ?value )>> } }
WHERE {
  GRAPH ?graph { ?claim a ct:Claim ; ct:subject ?subject ; ct:property ?property }
  { GRAPH ?graph { ?claim ct:object ?value } }
  UNION { GRAPH ?graph { ?claim ct:literal ?value } }
  UNION { GRAPH ?graph { ?claim ct:quantity ?value } }
}

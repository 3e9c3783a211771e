# The default graph that readers rely on: the RDF merge of all graphs but two. A triple that
# stands in several graphs is one triple here. (The claims of the history are closed records, and
# triple terms would break the readers of RDF 1.1 formats.)
INSERT { ?s ?p ?o }
WHERE { GRAPH ?graph { ?s ?p ?o } FILTER(?graph NOT IN (g:history, g:rdf12)) }

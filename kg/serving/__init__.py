"""The engine room: queries and updates in processes that can be ended.

The process that uses this package (the server) never lets the engine parse or evaluate
what came from outside; it hands the work to children and reads bytes back.

=============  =======================================================================
`engine`       what callers use: :class:`Engine`
`requests`     what can be asked of it: :class:`QueryRequest`, :class:`Document`
`answers`      an answer on its way from a worker
`limits`       every limit, with its default
`gate`         looks at a SPARQL text in linear time, before any engine sees it
`uploads`      the same for documents
`updates`      which graphs an update may change, read off its tokens
`tokens`       the tokens that these look at
`pool`         who runs next, on which worker, and what is ended when
`seats`        where workers come from, and those that wait for the next query
`fairness`     turns among clients
`egress`       what SERVICE and LOAD may reach
`federation`   puts what they give in their place before a text is run
`fetching`     the HTTP client that gets it
`writing`      writes in turn, published in groups
`memory`       the copy of the data in memory, moved on with what is written
`processes`    the server's handles on its children
`wire`         the frames between them
`failures`     what children report, as errors
`zygote`       (child) holds the imports or the data, forks workers
`worker`       (child) answers one query at a time
`output`       (child) where its answer goes, put right for its format
`mistakes`     (child) what exactly is wrong with a malformed text, and where
`writer`       (child) owns the read-write store, publishes snapshots
`deltas`       what a group of writes has changed, for that copy
`solutions`    (child) the answer of another endpoint as VALUES
`differences`  (child) what changed between two states of a graph
`sandbox`      (child) what a worker gives up before it reads anything from outside
`cache`        what may be given again, by version of the data
=============  =======================================================================
"""

from kg.serving.answers import Answer
from kg.serving.egress import Egress
from kg.serving.engine import Engine
from kg.serving.gate import Form, Inspection, inspect
from kg.serving.limits import Limits
from kg.serving.requests import Document, QueryRequest
from kg.serving.writing import Credit, WritePolicy, Written

__all__ = [
    "Answer",
    "Credit",
    "Document",
    "Egress",
    "Engine",
    "Form",
    "Inspection",
    "Limits",
    "QueryRequest",
    "WritePolicy",
    "Written",
    "inspect",
]

"""Checkpoints in the memory of the nodes: as often as every few steps, and gone with the nodes.

Each node has a folder on a tmpfs that outlives its processes. It holds the shards of its own ranks, those of the nodes
before it in a ring, as many as the run wants copies, and the documents of all. COMMIT comes last, when every node has
everything: one COMMIT on one living node suffices, and a save that lost a node has none.

A restore looks at what the living nodes hold together, in whatever order they came back and whichever rank is where:
what a rank needs and its node lacks, or holds damaged, comes from another node through the group, and is verified where
it arrives. What is on no living node makes the commit one that is passed over for an older one, or a durable one.

Failures here are told and cost nothing else: the durable tier alone decides whether a run can go on.
"""

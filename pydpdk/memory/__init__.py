"""One module for each link of the chain: hugepage, memseg, memzone, mempool, mbuf."""

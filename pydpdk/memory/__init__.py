"""One module per link of the chain: hugepage, memseg, memzone, mempool, mbuf."""

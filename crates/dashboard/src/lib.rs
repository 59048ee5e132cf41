//! What people look at: pages, queue board, HTTP API and metrics.

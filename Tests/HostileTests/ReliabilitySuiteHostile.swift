import Testing

/// Peers that mean harm (SPEC section 15, LIM-1). One test at a time, since the heap of the process is measured: run this target by itself.
@Suite(.serialized) struct ReliabilitySuiteHostile {}

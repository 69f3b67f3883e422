/// Chains of zstd blocks (SPEC section 17).
extension Case {
  /// One block of a chain on stream 1: `count` times the letter a.
  private static func link(
    at offset: UInt64, count: Int = 100, flags: UInt8 = 0, on stream: UInt64 = 1, _ payload: [UInt8]? = nil,
    check: UInt32? = nil, codec: UInt8 = 2
  ) -> Frame {
    let raw = [UInt8](repeating: 0x61, count: count)
    let isFirst = flags & Flag.restart != 0
    let payload = payload ?? (isFirst ? Block.zstdFrameStart() : []) + Block.zstdPart(0x61, count: count)
    let decodedCheck = bigEndian(UInt64(check ?? crc32c(raw)), byteCount: 4)
    return .data(
      stream, at: offset, decodedCheck + payload, flags: Flag.chained | flags, codec: codec, rawLength: count)
  }

  private static func openChains(_ peer: Peer) throws -> Limits {
    let limits = try peer.openSession().limits
    guard limits.chainCount > 0, limits.codecs.contains(2) else { throw CaseFailure.skip("chains") }
    return limits
  }

  private static func ends(_ name: String, _ title: String, _ lists: [[Frame]]) -> Case {
    Case("chains/\(name)", "CHN-1", title) { peer in
      var next: Peer? = peer
      for frames in lists {
        let peer = try next ?? peer.another()
        next = nil
        _ = try openChains(peer)
        try peer.send([.open(1, "echo")] + frames)
        try peer.expectClose(.protocol)
      }
    }
  }

  private static func stops(
    _ name: String, _ clauses: String, _ title: String, _ make: @escaping @Sendable (Limits) -> [Frame]
  ) -> Case {
    Case("chains/\(name)", clauses, title) { peer in
      let limits = try openChains(peer)
      try peer.send(.open(1, "echo"))
      try peer.send(make(limits))
      try peer.until("\(clauses): STOP(CODEC)") { $0[1].stop == .codec }
      try peer.expectEcho(on: 3, because: "ERR-1")
    }
  }

  static let chains: [Case] = [
    Case("chains/decoded", "CHN-1 CHN-3", "the blocks of a chain are decoded, also behind another chain") { peer in
      _ = try openChains(peer)
      try peer.send(
        .open(1, "echo"), link(at: 0, flags: Flag.restart), link(at: 100), .data(1, at: 200, "-"),
        link(at: 201, flags: Flag.restart), link(at: 301, flags: Flag.restart | Flag.fin))
      let run = [UInt8](repeating: 0x61, count: 200)
      try peer.expectAnswer(on: 1, run + [0x2D] + run, because: "CHN-1")
    },
    ends(
      "without-beginning", "CHAINED where no chain lives ends the session",
      [
        [link(at: 0)], [link(at: 0, flags: Flag.restart), .data(1, at: 100, "-"), link(at: 101)],
      ]),
    ends(
      "stored-inside", "a chained block that is stored, or of another codec, ends the session",
      [
        [link(at: 0, flags: Flag.restart), link(at: 100, [UInt8](repeating: 0x61, count: 100), codec: 0)],
        [link(at: 0, flags: Flag.restart, Block.lz4(0x61, count: 100), codec: 1)],
      ]),
    ends(
      "restart-alone", "RESTART without CHAINED ends the session",
      [[.data(1, at: 0, "x", flags: Flag.restart)]]),
    stops("decoded-check", "CHN-3", "a block that decodes to other bytes than were encoded stops its stream") { _ in
      [link(at: 0, flags: Flag.restart, check: 7)]
    },
    stops("last-block", "CHN-1", "a block that ends its frame stops its stream") { _ in
      [link(at: 0, flags: Flag.restart, Block.zstdFrameStart() + Block.zstdPart(0x61, count: 100, isLast: true))]
    },
    stops("window", "CHN-2", "a window above the announced one stops its stream") { limits in
      let payload = Block.zstdFrameStart(windowLog: limits.chainWindowLog + 1) + Block.zstdPart(0x61, count: 100)
      return [link(at: 0, flags: Flag.restart, payload)]
    },
    Case("chains/too-many", "CHN-2", "more chains than were announced end the session") { peer in
      let limits = try openChains(peer)
      guard limits.chainCount < min(limits.streamLimit, 64) else { throw CaseFailure.skip("fewer chains than streams") }
      for ordinal in 1...limits.chainCount + 1 {
        try peer.send(.open(2 * ordinal - 1, "echo"), link(at: 0, flags: Flag.restart, on: 2 * ordinal - 1))
      }
      try peer.expectClose(.protocol)
    },
  ]
}

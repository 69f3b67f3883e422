internal import DWCPCore
internal import NIOCore

/// Two ends with the wire between them, and how they are brought to where the search begins.
struct InterleavingWarmUp {
  private(set) var client: InterleavingEnd
  private(set) var server: InterleavingEnd

  init(_ setting: InterleavingEnd.Setting) {
    var random = SeededGenerator(seed: 1)
    client = InterleavingEnd(.client, setting, secrets: SessionSecrets(using: &random))
    server = InterleavingEnd(.server, setting, secrets: SessionSecrets(using: &random))
    if setting.plan.isWarm { measureLink() }
    let ids = streamIDs(setting.plan)
    client.ids = ids
    server.ids = ids
  }

  /// Each end opens its streams in the plan's order.
  private func streamIDs(_ plan: InterleavingPlan) -> [StreamID] {
    var (client, server) = (client.session, server.session)
    return plan.streams.compactMap { try? $0.opener == .client ? client.open() : server.open() }
  }

  /// Completes the handshake, and moves a few blocks each way on a stream that closes: both ends have measured the link then.
  private mutating func measureLink() {
    settle()
    guard let id = try? client.session.open() else { return }
    var block = client.setting.content.block(0, of: 0, from: .client)
    block.moveWriterIndex(to: min(client.plan.warmBlockByteCount, block.readableBytes))
    for _ in 0..<4 {
      for (writer, reader) in [(\Self.client, \Self.server), (\Self.server, \Self.client)] {
        _ = try? self[keyPath: writer].session.write(block, to: id)
        settle()
        while case .bytes = self[keyPath: reader].session.read(id) {}
        settle()
      }
    }
    for end in [\Self.client, \Self.server] {
      try? self[keyPath: end].session.finish(id)
      settle()
    }
    for end in [\Self.client, \Self.server] {
      while case .bytes = self[keyPath: end].session.read(id) {}
      self[keyPath: end].session.release(id)
    }
    settle()
  }

  private mutating func settle() {
    var isBusy = true
    while isBusy {
      isBusy = false
      for (sender, receiver) in [(\Self.client, \Self.server), (\Self.server, \Self.client)] {
        self[keyPath: sender].collect()
        while !self[keyPath: sender].jobs.isEmpty {
          _ = self[keyPath: sender].perform(.complete(self[keyPath: sender].end, job: 0))
        }
        while let parcel = self[keyPath: sender].send() {
          isBusy = true
          self[keyPath: receiver].receive(parcel)
        }
      }
    }
  }
}

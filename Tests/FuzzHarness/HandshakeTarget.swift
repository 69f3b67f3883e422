import DWCPCore
import NIOCore
import Simulation

/// Input: u8 options, u8 configuration, u8 chunking, u16 frames whose checks stay broken; then, for one engine, a preface and frames; or,
/// for two engines, the second's configuration and the changes that somebody between them makes: u16 place, u8 exclusive-or.
enum HandshakeTarget {
  private struct Options {
    let role: Role
    let isBetweenTwo: Bool
    /// The echoes of the prefaces in HELLO and WELCOME are made right (SPEC PRE-6).
    let repairsEchoes: Bool
    /// The initiator opens a stream at once (SPEC HS-2).
    let opensEarly: Bool
    let repairsChecks: Bool

    init(_ byte: UInt8) {
      role = byte & 1 == 0 ? .acceptor : .initiator
      isBetweenTwo = byte & 2 != 0
      repairsEchoes = byte & 4 == 0
      opensEarly = byte & 8 != 0
      repairsChecks = byte & 16 == 0
    }
  }

  private static let codecs = CodecContext()

  private static func configuration(_ byte: UInt8) -> SessionConfiguration {
    var configuration = SessionConfiguration()
    configuration.decodableCodecs = [[.zstd, .lz4, .none], [.lz4], [.none], [.none, .zstd]][Int(byte & 3)]
    configuration.acceptableCodecs = [[.none, .lz4, .zstd], [.zstd], [.lz4], [.none]][Int(byte >> 2 & 3)]
    configuration.requiredCodecs = byte & 16 == 0 ? [] : [.lz4]
    configuration.requiresIntegrity = byte & 32 == 0
    configuration.minorVersions = byte & 64 == 0 ? 0...0 : 1...3
    if byte & 128 != 0 { configuration.idleTimeoutMilliseconds = 0 }
    return configuration
  }

  static func problem(in bytes: [UInt8]) -> String? {
    var input = FuzzInput(bytes)
    let options = Options(input.byte())
    let configuration = configuration(input.byte())
    let chunking = input.byte()
    let broken = input.short()
    if options.isBetweenTwo { return between(options, configuration, &input) }
    return alone(options, configuration, chunking, broken: broken, input.remainder())
  }

  // MARK: One engine and a stranger

  private static func alone(
    _ options: Options, _ configuration: SessionConfiguration, _ chunking: UInt8, broken: Int, _ bytes: [UInt8]
  ) -> String? {
    var session = Engines.make(options.role, configuration)
    if options.opensEarly, let id = try? session.open() {
      _ = try? session.write(ByteBuffer(string: "early"), to: id)
    }
    var start = SessionObserver(session, now: Engines.start, codecs: codecs)
    start.transmit()
    var link = bytes
    let own = Array(start.sent.readableBytesView.prefix(8))
    FrameRepair.repair(&link, from: 8, broken: broken) { type, body in
      guard options.repairsEchoes else { return }
      repairEchoes(type, &body, own: own, other: Array(bytes.prefix(8)))
    }
    let whole = feed(link, 0, start)
    let cut = feed(link, max(1, chunking), start)
    if let problem = whole.problem ?? cut.problem { return problem }
    guard whole.events == cut.events else {
      return "in one piece the bytes mean \(whole.events), in pieces \(cut.events)"
    }
    return checkAnswer(whole, options.role)
  }

  private static func repairEchoes(_ type: UInt8, _ body: inout ArraySlice<UInt8>, own: [UInt8], other: [UInt8]) {
    let echo = type == 0x01 ? other : type == 0x02 ? own + other : []
    guard body.count >= echo.count else { return }
    body.replaceSubrange(body.startIndex..<body.startIndex + echo.count, with: echo)
  }

  private static func feed(_ link: [UInt8], _ chunking: UInt8, _ start: SessionObserver) -> SessionObserver {
    var observer = start
    for piece in Chunking.pieces(of: link, seed: chunking) { observer.receive(piece) }
    observer.poll()
    observer.transmit()
    observer.readAll()
    observer.advance(milliseconds: 11_000)
    observer.poll()
    observer.transmit()
    observer.endOfInput()
    observer.poll()
    observer.checkSent(isContinued: false)
    return observer
  }

  /// What holds of every answer: no session without HELLO, and nothing behind REFUSE (SPEC HS-1, HS-5).
  private static func checkAnswer(_ observer: SessionObserver, _ role: Role) -> String? {
    let established = observer.events.count { if case .established = $0 { true } else { false } }
    guard established <= 1 else { return "the session was established twice" }
    guard (established == 1) == (observer.session.agreement != nil) else { return "an agreement without its event" }
    guard role == .acceptor, established == 0 else { return nil }
    var lister = FrameLister()
    var bytes = observer.sent
    var lines: [String] = []
    while let line = try? lister.next(&bytes) { lines.append(line) }
    guard let last = lines.last else { return nil }
    let isRefusal = lines.count == 2 && last.contains("REFUSE")
    return isRefusal ? nil : "an acceptor without a session said \(lines)"
  }

  // MARK: Two engines and somebody between them

  private static func between(_ options: Options, _ first: SessionConfiguration, _ input: inout FuzzInput) -> String? {
    let second = configuration(input.byte())
    var client = SessionObserver(Engines.make(.initiator, first), now: Engines.start, codecs: codecs)
    var server = SessionObserver(Engines.make(.acceptor, second, seed: 2), now: Engines.start, codecs: codecs)
    if options.opensEarly {
      client.command { session, _ in
        guard let id = try? session.open() else { return }
        _ = try? session.write(ByteBuffer(string: "early"), to: id, endsMessage: true)
      }
    }
    let isChanged = !input.isEmpty
    var clientTaken = 0
    var serverTaken = 0
    for _ in 0..<3 {
      client.transmit()
      server.receive(pass(client, &clientTaken, options, &input))
      server.poll()
      server.transmit()
      client.receive(pass(server, &serverTaken, options, &input))
      client.poll()
    }
    for observer in [client, server] {
      var observer = observer
      observer.checkSent(isContinued: false)
      if let problem = observer.problem { return problem }
    }
    return checkOutcome(client, server, isChanged: isChanged)
  }

  /// The bytes an end has sent since the last time, with the next changes made to them.
  private static func pass(
    _ sender: SessionObserver, _ taken: inout Int, _ options: Options, _ input: inout FuzzInput
  ) -> ByteBuffer {
    var bytes = Array(sender.sent.readableBytesView.dropFirst(taken))
    let isFirst = taken == 0
    taken += bytes.count
    let changeCount = input.isEmpty ? 0 : Int(input.byte() & 7)
    for _ in 0..<changeCount where !bytes.isEmpty {
      let place = input.short() % bytes.count
      bytes[place] ^= input.byte()
    }
    if changeCount > 0, options.repairsChecks { FrameRepair.repair(&bytes, from: isFirst ? 8 : 0, broken: 0) }
    return ByteBuffer(bytes: bytes)
  }

  private static func checkOutcome(
    _ client: SessionObserver, _ server: SessionObserver, isChanged: Bool
  ) -> String? {
    if let ours = client.session.agreement, let theirs = server.session.agreement {
      guard !isChanged else { return nil }
      guard ours.isIntegrityOn == theirs.isIntegrityOn, ours.minorVersion == theirs.minorVersion,
        ours.sessionID == theirs.sessionID
      else { return "both ends are established, and on different things: \(ours), \(theirs)" }
      return nil
    }
    guard !isChanged else { return nil }
    let isOver = [client, server].allSatisfy { $0.session.phase.rawValue >= Session.Phase.closing.rawValue }
    return isOver ? nil : "untouched handshakes end neither in a session nor in a refusal"
  }
}

extension HandshakeTarget {
  /// Handshakes of engines with each configuration, whole and with the ends' parts apart.
  static var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = []
    for configuration in [0, 1, 2, 5, 0x15, 0x20, 0x40, 0x83] as [UInt8] {
      var client = Engines.make(.initiator, Self.configuration(configuration))
      var server = Engines.make(.acceptor, Self.configuration(0), seed: 2)
      let hello = Engines.carry(from: &client, to: &server)
      let welcome = Engines.carry(from: &server, to: &client)
      seeds.append([0, 0, 3, 0, 0] + hello.readableBytesView)
      seeds.append([4, configuration, 90, 0, 0] + hello.readableBytesView)
      seeds.append([1, configuration, 5, 0, 0] + welcome.readableBytesView)
      seeds.append([9, 0, 5, 0, 0] + welcome.readableBytesView)
      for other in [0, 2, 0x1C, 0x44] as [UInt8] {
        seeds.append([2, configuration, 0, 0, 0, other])
        seeds.append([10, configuration, 0, 0, 0, other, 1, 0, 4, 1, 2, 0, 40, 1, 0, 60, 1])
      }
    }
    seeds.append([0, 0, 1, 0, 0] + Array("GET / HTTP/1.1\r\n".utf8))
    seeds.append([1, 0, 1, 0, 0] + Array("HTTP/1.1 400 Bad Request\r\n".utf8))
    seeds.append([0, 0, 1, 0, 0, 0x16, 0x03, 0x01])
    return seeds
  }
}

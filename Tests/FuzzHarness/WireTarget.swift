import DWCPCore
import NIOCore
import Simulation

/// Input: u8 options, u8 chunking, u16 frames whose checks stay broken, then frames.
///
/// The frames go to ``FrameLister``, and to a session whose handshake is complete: in one piece, and cut. Both have to see the same.
enum WireTarget {
  private struct Options {
    let role: Role
    let hasIntegrity: Bool
    /// A preface is looked for in front of the frames.
    let isFromStart: Bool
    /// Streams that this end has opened, 0 to 3; it writes to them.
    let openCount: Int
    /// This end has withdrawn a codec and offered a dictionary, so that answers to both are due.
    let isAwaitingAnswers: Bool

    init(_ byte: UInt8) {
      role = byte & 1 == 0 ? .acceptor : .initiator
      hasIntegrity = byte & 2 != 0
      isFromStart = byte & 4 != 0
      openCount = Int(byte >> 3 & 3)
      isAwaitingAnswers = byte & 32 != 0
    }
  }

  private static let established = [
    true: Engines.established(integrity: true), false: Engines.established(integrity: false),
  ]
  private static let codecs = CodecContext()

  static func problem(in bytes: [UInt8]) -> String? {
    var input = FuzzInput(bytes)
    let options = Options(input.byte())
    let chunking = input.byte()
    let broken = input.short()
    var frames = input.remainder()
    FrameRepair.repair(
      &frames, from: options.isFromStart ? 8 : 0, broken: broken, mend: FrameRepair.mendDictionary)
    return listing(frames, options, chunking) ?? sessions(frames, options, chunking)
  }

  /// Frames that the other end has to answer.
  private static func beginNegotiating(_ session: inout Session, generation: Int) {
    session.announce(decodableCodecs: [[.lz4], [.zstd, .lz4]][generation % 2])
    session.offer(CodecTarget.dictionaries[generation % 2])
  }

  // MARK: The lister

  private struct Listing: Equatable {
    var lines: [String] = []
    var error: ErrorCode?
    var rule: String?
  }

  private static func listing(_ frames: [UInt8], _ options: Options, _ chunking: UInt8) -> String? {
    let whole = list(Chunking.pieces(of: frames, seed: 0), options)
    let cut = list(Chunking.pieces(of: frames, seed: max(1, chunking)), options)
    return whole == cut ? nil : "the lister sees \(whole) in one piece and \(cut) in pieces"
  }

  private static func list(_ pieces: [ByteBuffer], _ options: Options) -> Listing {
    var lister = FrameLister()
    var listing = Listing()
    do throws(SessionError) {
      if !options.isFromStart {
        var preface = ByteBuffer()
        Preface().write(to: &preface)
        _ = try lister.next(&preface)
      }
      for piece in pieces {
        var piece = piece
        while let line = try lister.next(&piece) { listing.lines.append(line) }
      }
    } catch {
      listing.error = error.code
      listing.rule = error.rule
    }
    return listing
  }

  // MARK: The session

  private static func sessions(_ frames: [UInt8], _ options: Options, _ chunking: UInt8) -> String? {
    guard let session = established[options.hasIntegrity]?[options.role] else { return nil }
    var start = SessionObserver(session, now: Engines.start, codecs: codecs)
    start.command { session, _ in
      if options.isAwaitingAnswers { Self.beginNegotiating(&session, generation: 0) }
      for _ in 0..<options.openCount {
        guard let id = try? session.open() else { continue }
        _ = try? session.write(ByteBuffer(string: "0123456789abcdef"), to: id, endsMessage: true)
      }
    }
    start.transmit()
    let whole = feed(frames, 0, start)
    let cut = feed(frames, max(1, chunking), start)
    if let problem = whole.problem ?? cut.problem { return problem }
    guard whole.events == cut.events else {
      return "in one piece the frames mean \(whole.events), in pieces \(cut.events)"
    }
    guard whole.reads == cut.reads else { return "the frames deliver other bytes when they are cut" }
    return lively(frames, max(1, chunking), start).problem
  }

  /// Everything arrives before the owner looks.
  private static func feed(_ frames: [UInt8], _ chunking: UInt8, _ start: SessionObserver) -> SessionObserver {
    var observer = start
    for piece in Chunking.pieces(of: frames, seed: chunking) { observer.receive(piece) }
    observer.poll()
    observer.readAll()
    conclude(&observer)
    return observer
  }

  /// The owner polls, reads and answers while bytes arrive.
  private static func lively(_ frames: [UInt8], _ chunking: UInt8, _ start: SessionObserver) -> SessionObserver {
    var observer = start
    for (index, piece) in Chunking.pieces(of: frames, seed: chunking).enumerated() {
      observer.receive(piece)
      observer.poll()
      if index % 3 == 0 { observer.readAll() }
      if index % 5 == 0 { observer.transmit() }
      if index % 7 == 0 { observer.answer() }
      if index % 11 == 0 { observer.advance(milliseconds: 30) }
    }
    conclude(&observer)
    return observer
  }

  private static func conclude(_ observer: inout SessionObserver) {
    observer.answer()
    observer.poll()
    observer.transmit()
    observer.advance(milliseconds: 20_000)
    observer.transmit()
    observer.advance(milliseconds: 40_000)
    observer.poll()
    observer.transmit()
    observer.endOfInput()
    observer.poll()
    observer.checkSent(isContinued: true)
  }
}

extension WireTarget {
  /// What one end of a short session says, after its handshake.
  static var seeds: [[UInt8]] {
    var seeds: [[UInt8]] = []
    let chained = CompressionSetting(codec: .zstd, level: 1, isChained: true) ?? .zstdDefault
    let choices: [CompressionChoice] = [
      .fixed(.none), .fixed(.lz4Default), .fixed(.zstdDefault), .fixed(chained),
    ]
    for (index, choice) in choices.enumerated() {
      for integrity in [true, false] {
        guard var client = established[integrity]?[.initiator], var server = established[integrity]?[.acceptor]
        else { continue }
        var wire = conversation(&client, &server, choice)
        let options: UInt8 = integrity ? 2 : 0
        seeds.append([options, UInt8(index * 40), 0, 0] + wire)
        // The same frames the wrong way round, and from the start of the link.
        seeds.append([options | 1 | 8, 200, 0, 0] + wire)
        wire.insert(contentsOf: [0x44, 0x57, 0x43, 0x50, 3, 0, 0, 0], at: 0)
        seeds.append([options | 4, 70, 0, 0] + wire)
      }
    }
    return seeds + controlSeeds
  }

  private static func conversation(
    _ client: inout Session, _ server: inout Session, _ choice: CompressionChoice
  ) -> [UInt8] {
    var wire: [UInt8] = []
    let short = Array("{\"service\": \"echo\", \"urgency\": 1}".utf8) + [UInt8](repeating: 9, count: 60)
    // Each end updates and offers twice, so that what was withdrawn comes back and the first dictionary retires.
    for generation in 0..<2 {
      beginNegotiating(&client, generation: generation)
      beginNegotiating(&server, generation: generation)
      guard let id = try? client.open(compression: choice) else { continue }
      for _ in 0..<3 {
        _ = try? client.write(ByteBuffer(bytes: short), to: id, endsMessage: true)
        for _ in 0..<2 {
          runJobs(&client)
          wire += Engines.carry(from: &client, to: &server).readableBytesView
          runJobs(&server)
          Engines.carry(from: &server, to: &client)
        }
      }
      client.requestUrgency(2, of: id)
      try? client.finish(id)
    }
    let opening = StreamOpening(metadata: ["service": "echo"], expectedByteCount: 5, urgency: 1)
    for size in [0, 5, 300] {
      guard let id = try? client.open(opening, compression: choice) else { continue }
      _ = try? client.write(ByteBuffer(repeating: 7, count: size), to: id, endsMessage: true)
      _ = try? client.write(ByteBuffer(repeating: 8, count: size), to: id, endsMessage: true)
      if size != 5 { try? client.finish(id) } else { client.reset(id, code: .cancelled) }
      runJobs(&client)
      wire += Engines.carry(from: &client, to: &server).readableBytesView
      client.stop(id, code: .cancelled)
    }
    wire += versions(&client, &server, choice)
    client.ping(now: Engines.start)
    wire += Engines.carry(from: &client, to: &server).readableBytesView
    client.drain(now: Engines.start)
    wire += Engines.carry(from: &client, to: &server).readableBytesView
    client.close(.noError, text: "bye")
    wire += Engines.carry(from: &client, to: &server).readableBytesView
    return wire
  }

  /// Versions of an object, short enough for an input: zeros, bytes that change, a last page that is short; and its release.
  private static func versions(
    _ client: inout Session, _ server: inout Session, _ choice: CompressionChoice
  ) -> [UInt8] {
    var wire: [UInt8] = []
    let name = ObjectName(number: 1)
    var content = [UInt8](repeating: 0, count: 3 * 4_096) + [UInt8](repeating: 1, count: 600)
    for version in 1...3 as ClosedRange<UInt8> {
      guard let id = try? client.openVersion(of: name, byteCount: content.count, compression: choice) else { continue }
      _ = try? client.writePages(ByteBuffer(bytes: content), at: 0, to: id)
      try? client.finish(id)
      for _ in 0..<3 {
        runJobs(&client)
        wire += Engines.carry(from: &client, to: &server).readableBytesView
        runJobs(&server)
        Engines.carry(from: &server, to: &client)
      }
      content[5] = version
      content[4_096 + Int(version)] = 9
      content[3 * 4_096] &+= 1
    }
    client.releaseObject(name)
    return wire
  }

  private static func runJobs(_ session: inout Session) {
    while let job = session.nextJob() { session.complete(job.run(in: codecs), now: Engines.start) }
  }

  /// A frame of each type, as short as it may be, and one that nobody knows.
  private static var controlSeeds: [[UInt8]] {
    let bodies: [(UInt8, UInt8, Int)] = [
      (0x04, 0, 8), (0x05, 0, 8), (0x06, 0, 8), (0x07, 0, 8), (0x07, 1, 8), (0x08, 0, 8), (0x09, 0, 6), (0x40, 1, 0),
      (0x41, 1, 12), (0x42, 1, 12), (0x43, 1, 4), (0x44, 0, 14), (0xBA, 0, 3), (0xF5, 9, 0), (0x0A, 0, 0),
      (0x01, 0, 40), (0x02, 0, 100), (0x03, 0, 21), (0x46, 0, 61), (0x47, 0, 5),
      (0x45, 0, 11), (0x0D, 0, 22), (0xC0, 1, 4),
    ]
    let frames = bodies.map { type, stream, length -> [UInt8] in
      [type, 0x80, 0, 0, 0, 0, 0, stream, 0, 0, 0, UInt8(length), 0, 0, 0, 0] + [UInt8](repeating: 0, count: length + 4)
    }
    return frames.map { [0x0A, 1, 0, 0] + $0 } + frames.map { [0x2A, 1, 0, 0] + $0 }
      + frames.map { [0x0B, 9, 0, 0] + $0 + $0 }
      + [[0, 100, 0, 0] + frames.prefix(9).flatMap { $0 }]
  }
}

import DWCPCore
import Foundation
import HostileSimulation
import NIOCore

/// Runs one attack against one engine and measures what the engine and its owner hold.
struct Arena {
  struct Report {
    var error: SessionError?
    var hasEnded = false
    var salvoCount = 0
    /// CLOSE or REFUSE and the code in it, if that was the last thing sent.
    var lastWords: (type: UInt8, code: UInt32)?
    /// Heap of the session, its owner and the buffer that arrives: the most at any time, at rest after half the salvos, and at the end.
    var peakByteCount = 0
    var halfwayByteCount = 0
    var finalByteCount = 0
    /// What is left when the session is gone.
    var leakedByteCount = 0
  }

  private let attack: Attack
  private let codecs: CodecContext
  /// A broken application: it keeps every buffer that arrives.
  private let keepsAllInput: Bool
  private var session: Session
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var batch = TransmitBatch()
  private var application: Application
  private var kept: [ByteBuffer] = []
  private var report = Report()

  private init(_ attack: Attack, codecs: CodecContext, keepsAllInput: Bool) {
    var random = SystemRandomNumberGenerator()
    self.attack = attack
    self.codecs = codecs
    self.keepsAllInput = keepsAllInput
    application = Application(attack.owner)
    session = Session(
      role: attack.victim, configuration: attack.configuration, secrets: SessionSecrets(using: &random), now: now)
  }

  static func run(_ attack: Attack, codecs: CodecContext, keepsAllInput: Bool = false) -> Report {
    let baseline = Heap.threadByteCount
    Heap.resetThreadPeak()
    var report = measure(attack, codecs: codecs, keepsAllInput: keepsAllInput, baseline: baseline)
    report.peakByteCount = Heap.threadPeakByteCount - baseline
    codecs.forgetOutputs()
    report.leakedByteCount = Heap.threadByteCount - baseline
    return report
  }

  /// A function of its own, so that the arena is gone when it returns.
  @inline(never)
  private static func measure(
    _ attack: Attack, codecs: CodecContext, keepsAllInput: Bool, baseline: Int
  ) -> Report {
    var arena = Arena(attack, codecs: codecs, keepsAllInput: keepsAllInput)
    arena.fight(baseline: baseline)
    return arena.report
  }

  private mutating func fight(baseline: Int) {
    if attack.isEstablished {
      var wire = HostileWire(readBufferByteCount: attack.readBufferByteCount)
      attack.victim == .acceptor ? wire.hello(attack.announcement) : wire.welcome(attack.announcement)
      receive(wire.bytes)
      // The victim's own preface and announcement are always taken.
      transmit()
    }
    for number in 0..<UInt64(attack.salvoCount) where !report.hasEnded {
      var wire = HostileWire(readBufferByteCount: attack.readBufferByteCount)
      attack.salvo(number, &wire)
      if attack.isDribbled { dribble(wire.bytes) } else { receive(wire.bytes) }
      if attack.readsReplies, !report.hasEnded { transmit() }
      report.salvoCount += 1
      if report.salvoCount == attack.salvoCount / 2 { report.halfwayByteCount = Heap.threadByteCount - baseline }
      now = Instant(nanoseconds: now.nanoseconds + attack.nanosecondsPerSalvo)
      session.handleDeadline(now: now)
      settle()
    }
    report.finalByteCount = Heap.threadByteCount - baseline
    if report.hasEnded { transmit(isLast: true) }
  }

  private mutating func dribble(_ bytes: ByteBuffer) {
    for byte in bytes.readableBytesView {
      var crumb = ByteBufferAllocator().buffer(capacity: attack.readBufferByteCount)
      crumb.writeInteger(byte)
      receive(crumb)
    }
  }

  private mutating func receive(_ bytes: ByteBuffer) {
    if keepsAllInput { kept.append(bytes) }
    session.receive(bytes, now: now)
    settle()
  }

  private mutating func settle() {
    while true {
      if let event = session.nextEvent() {
        if case .ended(let error) = event {
          report.hasEnded = true
          report.error = error
        }
        application.hear(event, from: &session)
      } else if let job = session.nextJob() {
        session.complete(job.run(in: codecs), now: now)
      } else {
        return
      }
    }
  }

  private mutating func transmit(isLast: Bool = false) {
    while true {
      batch.removeAll()
      session.transmit(maximumByteCount: 65_536, now: now, into: &batch)
      guard batch.byteCount > 0 else { return }
      if isLast { noteLastWords() }
      settle()
    }
  }

  /// Walks over the frames of the last batch.
  private mutating func noteLastWords() {
    batch.forEachFrame { first, body in
      let type = UInt8(truncatingIfNeeded: first >> 56)
      let code = body.getInteger(at: body.readerIndex, as: UInt32.self) ?? 0
      report.lastWords = type == 0x09 || type == 0x03 ? (type, code) : nil
    }
  }
}

extension Arena.Report {
  /// What README.md says of the attack.
  func row(of attack: Attack) -> AttackTable.Row {
    let operations = salvoCount.formatted(.number.grouping(.automatic).locale(Locale(identifier: "en_US")))
    guard hasEnded, let error else {
      return AttackTable.Row(attack: attack.name, rule: "nothing: bounded", operations: "not within \(operations)")
    }
    let budget =
      error.code == .excessiveLoad ? error.message.firstMatch(of: /budget of (.+) is/).map { ": \($0.1)" } : nil
    return AttackTable.Row(
      attack: attack.name, rule: "`\(error.code)` \(error.rule)\(budget ?? "")", operations: operations)
  }
}

internal import DWCPCore
internal import NIOCore
internal import Simulation

/// A hostile peer, the engine it attacks, and an honest session beside it. When the engine ends the session, the peer connects again.
struct HostileWorld {
  private let scenario: HostileScenario
  private var codecs: WarmCodecs
  private let bound: Int
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var victim: Victim?
  private var peer: HostilePeer
  /// What the peer has sent and the connection has not brought yet.
  private var underWay = ByteBuffer()
  private var meter = HeapMeter()
  private var neighbour: Neighbour
  private var lifeCount: UInt64 = 0
  private var operationCountOfLife = 0
  private var wasEstablished = false
  /// The most that any of the sessions and its owner held.
  private var peak = 0
  private(set) var totals = HostileTotals()
  /// What did not hold, in a sentence; nil while all does.
  private(set) var problem: String?

  /// More than this is a leak; less may be what Swift and its libraries make once for each process.
  private static let borneLeakByteCount = 4_096
  private static let operationsPerStepOfNeighbour = 16
  /// Less than the shortest idle timeout.
  private static let patienceMilliseconds = 900

  init(_ scenario: HostileScenario, codecs: WarmCodecs) {
    self.scenario = scenario
    self.codecs = codecs
    bound = Int(
      scenario.configuration.worstCaseMemoryByteCount(
        readBufferByteCount: UInt64(scenario.readBufferByteCount),
        sendBudgetByteCount: Victim.sendBudgetByteCount(scenario)))
    peer = HostilePeer(scenario)
    neighbour = Neighbour(seed: scenario.seed, codecs: codecs.context, now: now)
  }

  mutating func run() {
    for (number, operation) in scenario.operations.enumerated() where problem == nil {
      if victim == nil { connect(SeededGenerator(seed: operation.seed &+ 1)) }
      totals.note(operation.move)
      operationCountOfLife += 1
      perform(operation)
      if number % Self.operationsPerStepOfNeighbour == 0 { neighbour.step() }
      check(operation.move)
      if victim?.hasEnded == true { endLife() }
    }
    if victim != nil { endLife() }
    if problem == nil { problem = neighbour.finish() }
    totals.seedCount = 1
    totals.memory.note(share: Double(peak) / Double(bound), seed: scenario.seed)
  }

  private mutating func connect(_ random: SeededGenerator) {
    lifeCount += 1
    operationCountOfLife = 0
    wasEstablished = false
    meter = HeapMeter()
    codecs.refresh()
    meter.begin()
    victim = Victim(scenario, life: lifeCount, codecs: codecs, meter: meter, now: now)
    meter.end()
    underWay.clear()
    peer = HostilePeer(scenario)
    peer.random = random
    if peer.random.next(below: 1_000) < scenario.brokenHandshakes { peer.greetBadly() } else { peer.greet() }
    send(seed: peer.random.next())
  }

  private mutating func perform(_ operation: HostileOperation) {
    var random = SeededGenerator(seed: operation.seed)
    switch operation.move.kind {
    case .legal, .abusive, .fatal:
      peer.random = random
      attack(operation.move)
      send(seed: peer.random.next())
      if scenario.isPatient, operation.move.kind == .abusive { wait(milliseconds: Self.patienceMilliseconds) }
      if random.next(below: 100) < scenario.habits.peerReads { take(maximumByteCount: 65_536) }
    case .application:
      meter.begin()
      victim?.act(operation.move, seed: operation.seed, now: now)
      meter.end()
    case .transport:
      move(operation.move, &random)
    }
  }

  private mutating func attack(_ move: HostileMove) {
    if move == .endOfInput {
      meter.begin()
      victim?.endOfInput(now: now)
      meter.end()
      return
    }
    switch move.kind {
    case .legal: peer.keepRules(move)
    case .abusive: peer.abuse(move)
    default: peer.breakRule(move)
    }
  }

  private mutating func move(_ move: HostileMove, _ random: inout SeededGenerator) {
    switch move {
    case .take: if scenario.habits.peerReads > 0 { take(maximumByteCount: 1 + random.next(below: 200_000)) }
    case .arrive: arrive(byteCount: underWay.readableBytes, pieceByteCount: scenario.readBufferByteCount)
    case .runJobs:
      meter.begin()
      victim?.runJobs(seed: random.next(), all: random.isOneIn(2), now: now)
      meter.end()
    default:
      let milliseconds = [1, 40, 900, scenario.isPatient ? 900 : 12_000][random.next(below: 4)]
      wait(milliseconds: 1 + random.next(below: milliseconds))
    }
  }

  private mutating func wait(milliseconds: Int) {
    now = Instant(nanoseconds: now.nanoseconds + UInt64(milliseconds) * 1_000_000)
    meter.begin()
    victim?.handleDeadline(now: now)
    meter.end()
  }
}

/// The connection.
extension HostileWorld {
  /// What the peer has written goes on its way, and most often arrives at once.
  private mutating func send(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    let style = random.next(below: 100)
    for bytes in peer.takeReads() {
      underWay.writeImmutableBuffer(bytes)
      deliver(style: style, &random)
    }
  }

  private mutating func deliver(style: Int, _ random: inout SeededGenerator) {
    let delivery = scenario.delivery
    let byteCount = underWay.readableBytes
    if style < delivery.held { return }
    if style < delivery.held + delivery.dribbled {
      arrive(byteCount: min(byteCount, 200), pieceByteCount: 1)
    } else if style < delivery.held + delivery.dribbled + delivery.cut {
      let part = random.isOneIn(2) ? byteCount : random.next(below: byteCount + 1)
      arrive(byteCount: part, pieceByteCount: 1 + byteCount / (1 + random.next(below: 30)))
    } else {
      arrive(byteCount: byteCount, pieceByteCount: scenario.readBufferByteCount)
    }
  }

  /// Each piece lies in a read buffer of its own, of the same size however little it is, as after a short read.
  private mutating func arrive(byteCount: Int, pieceByteCount: Int) {
    var rest = byteCount
    while rest > 0, victim?.hasEnded == false {
      let length = min(rest, pieceByteCount, scenario.readBufferByteCount)
      guard let piece = underWay.readSlice(length: length) else { break }
      rest -= length
      totals.wireByteCount += length
      meter.begin()
      var buffer = ByteBufferAllocator().buffer(capacity: scenario.readBufferByteCount)
      buffer.writeImmutableBuffer(piece)
      victim?.receive(buffer, now: now)
      buffer = ByteBuffer()
      meter.end()
    }
    underWay.discardReadBytes()
  }

  /// The connection takes bytes, and the peer reads them.
  private mutating func take(maximumByteCount: Int) {
    var bytes = ByteBuffer()
    meter.begin()
    _ = victim?.transmit(maximumByteCount: maximumByteCount, now: now) { bytes.writeImmutableBuffer($0) }
    meter.end()
    peer.read(&bytes)
    meter.begin()
    bytes = ByteBuffer()
    meter.end()
    if let sentence = peer.queuedReply { fail(sentence, .take) }
  }
}

/// What must hold.
extension HostileWorld {
  private mutating func check(_ move: HostileMove) {
    wasEstablished = wasEstablished || victim?.isEstablished == true
    if let sentence = victim?.violation { fail(sentence, move) }
    guard Heap.isCounted, let bound = victim?.bound(scenario) else { return }
    // A turn of the owner ends: the connection takes nothing just now.
    meter.begin()
    victim?.detachFromOutput()
    meter.end()
    if meter.heldByteCount > bound { returnOutputs() }
    let held = meter.heldByteCount
    totals.memoryAtRest.note(share: Double(held) / Double(bound), seed: scenario.seed)
    if held > bound {
      fail(
        "\(held) bytes are held, above the \(bound) of what the session has now, \(victim?.belongings ?? "") (MEM-1)",
        move)
    }
    checkPeak(move)
  }

  /// The buffers that a codec context keeps for the next blocks belong to its thread, as the context does.
  private func returnOutputs() {
    meter.begin()
    codecs.context.forgetOutputs()
    meter.end()
  }

  private mutating func checkPeak(_ move: HostileMove) {
    peak = max(peak, meter.peakByteCount)
    if peak > bound { fail("\(peak) bytes were held, above the bound of \(bound) (MEM-1)", move) }
  }

  private mutating func fail(_ sentence: String, _ move: HostileMove) {
    problem = problem ?? "\(sentence), after \(move)"
  }

  /// The session is over, or the list is: looks at the last words and at what is left.
  private mutating func endLife() {
    if problem == nil, let end = victim?.end {
      totals.noteLife(end: end, operationCount: operationCountOfLife, wasEstablished: wasEstablished)
      checkLastWords()
    }
    meter.begin()
    victim?.touchRemains(now: now)
    meter.end()
    problem = problem ?? victim?.problem
    checkPeak(.endOfInput)
    meter.begin()
    victim = nil
    codecs.context.forgetOutputs()
    meter.end()
    guard Heap.isCounted, problem == nil, meter.heldByteCount > Self.borneLeakByteCount else { return }
    totals.suspectedLeakByteCount = meter.heldByteCount
  }

  /// An error of the peer's is told to it, as the last frame (SPEC ERR-1, END-4).
  private mutating func checkLastWords() {
    // No copy of the victim: its changes would then be made to copies too, and be counted.
    let code = victim?.owedCode
    for _ in 0..<4 { take(maximumByteCount: 1 << 20) }
    guard let code, problem == nil else { return }
    if victim?.session.wantsClose != true { fail("the connection is not to be closed after the end", .take) }
    if peer.lastWords?.code != code { fail("the last words are not \(code)", .take) }
  }
}

import DWCPCore
import NIOCore
import Testing

/// Every command in every phase of a session, for both ends: what it leads to, and that none of them traps (SPEC sections 5, 7, 12).
///
/// A cell is the phase that follows, or the code with which the command is turned down.
@Suite struct ConnectionSuiteCommandTables {
  private static let initiator = StateTable(
    """
    command         awaitingPreface  awaitingHandshake  open      closing   closed
    receive         closed           closing            closing   closing   closed
    endOfInput      closed           closed             closed    closed    closed
    detachFromInput awaitingPreface  awaitingHandshake  open      closing   closed
    detachFromOutput awaitingPreface awaitingHandshake  open      closing   closed
    handleDeadline  closed           closing            closing   closing   closed
    nextEvent       awaitingPreface  awaitingHandshake  open      closing   closed
    nextJob         awaitingPreface  awaitingHandshake  open      closing   closed
    complete        awaitingPreface  awaitingHandshake  open      closing   closed
    transmit        awaitingPreface  awaitingHandshake  open      closed    closed
    open            awaitingPreface  awaitingHandshake  open      !SHUTDOWN !SHUTDOWN
    write           awaitingPreface  awaitingHandshake  open      closing   closed
    writeElsewhere  !STREAM_STATE    !STREAM_STATE      !STREAM_STATE !STREAM_STATE !STREAM_STATE
    finish          awaitingPreface  awaitingHandshake  open      closing   closed
    read            awaitingPreface  awaitingHandshake  open      closing   closed
    stop            awaitingPreface  awaitingHandshake  open      closing   closed
    reset           awaitingPreface  awaitingHandshake  open      closing   closed
    release         awaitingPreface  awaitingHandshake  open      closing   closed
    setUrgency      awaitingPreface  awaitingHandshake  open      closing   closed
    requestUrgency  awaitingPreface  awaitingHandshake  open      closing   closed
    ping            awaitingPreface  awaitingHandshake  open      closing   closed
    drain           closing          closing            open      closing   closed
    close           closing          closing            closing   closing   closed
    """)

  private static let acceptor = StateTable(
    """
    command         awaitingPreface  awaitingHandshake  open      closing   closed
    receive         closed           closing            closing   closing   closed
    endOfInput      closed           closed             closed    closed    closed
    detachFromInput awaitingPreface  awaitingHandshake  open      closing   closed
    detachFromOutput awaitingPreface awaitingHandshake  open      closing   closed
    handleDeadline  closed           closing            closing   closing   closed
    nextEvent       awaitingPreface  awaitingHandshake  open      closing   closed
    nextJob         awaitingPreface  awaitingHandshake  open      closing   closed
    complete        awaitingPreface  awaitingHandshake  open      closing   closed
    transmit        awaitingPreface  awaitingHandshake  open      closed    closed
    open            !SHUTDOWN        !SHUTDOWN          open      !SHUTDOWN !SHUTDOWN
    write           !STREAM_STATE    !STREAM_STATE      open      closing   closed
    writeElsewhere  !STREAM_STATE    !STREAM_STATE      !STREAM_STATE !STREAM_STATE !STREAM_STATE
    finish          !STREAM_STATE    !STREAM_STATE      open      closing   closed
    read            awaitingPreface  awaitingHandshake  open      closing   closed
    stop            awaitingPreface  awaitingHandshake  open      closing   closed
    reset           awaitingPreface  awaitingHandshake  open      closing   closed
    release         awaitingPreface  awaitingHandshake  open      closing   closed
    setUrgency      awaitingPreface  awaitingHandshake  open      closing   closed
    requestUrgency  awaitingPreface  awaitingHandshake  open      closing   closed
    ping            awaitingPreface  awaitingHandshake  open      closing   closed
    drain           closed           closed             open      closing   closed
    close           closed           closed             closing   closing   closed
    """)

  private enum Command: String, CaseIterable {
    case receive, endOfInput, detachFromInput, detachFromOutput, handleDeadline, nextEvent, nextJob, complete, transmit
    case open, write, writeElsewhere, finish, read, stop, reset, release, setUrgency, requestUrgency, ping, drain, close
  }

  @Test("the tables decide every command that the engine has, in every phase")
  func isComplete() throws {
    for table in [Self.initiator, Self.acceptor] {
      let problems = table.problems(
        states: Session.Phase.allCases.map { "\($0)" }, inputs: Command.allCases.map(\.rawValue))
      #expect(problems == [])
    }
    let files = ["Commands", "Jobs", "Lifecycle", "Receive", "Transmit"].map { "Session/Session+\($0).swift" }
    let methods = try (files + ["Session/Session.swift"]).reduce(into: Set<String>()) { methods, file in
      methods.formUnion(try publicMutatingMethods(ofSource: file))
    }
    #expect(methods == Set(Command.allCases.map(\.rawValue)).subtracting(["writeElsewhere"]))
  }

  @Test("each command does in each phase what the table says", arguments: [Role.initiator, .acceptor])
  func cells(role: Role) {
    let table = role == .initiator ? Self.initiator : Self.acceptor
    for phase in Session.Phase.allCases {
      for command in Command.allCases {
        var (peer, id) = Self.peer(role, in: phase)
        #expect(peer.session.phase == phase)
        var outcome: String
        do throws(SessionError) {
          try Self.run(command, at: &peer.session, stream: id)
          outcome = "\(peer.session.phase)"
        } catch {
          outcome = "!\(error.code)"
          #expect(error.blame == .caller, "\(command) of the \(role) while \(phase)")
        }
        #expect(table["\(phase)", command.rawValue] == outcome, "\(command) of the \(role) while \(phase)")
      }
    }
  }

  /// An end in a phase, with one stream of its own where it may have one by then.
  private static func peer(_ role: Role, in phase: Session.Phase) -> (Peer, StreamID) {
    var pair = EnginePair()
    let now = pair.now
    if phase.rawValue >= Session.Phase.open.rawValue { pair.exchange() }
    var peer = role == .initiator ? pair.client : pair.server
    let id = (try? peer.session.open()) ?? StreamID(rawValue: 2)
    _ = peer.transmit(now: now)
    switch phase {
    case .awaitingPreface, .open: break
    case .awaitingHandshake: peer.receive(ByteBuffer(bytes: Array("DWCP".utf8) + [3, 0, 0, 0]), now: now)
    case .closing: peer.session.close(.noError, text: "")
    case .closed: peer.session.endOfInput()
    }
    return (peer, id)
  }

  private static func run(_ command: Command, at session: inout Session, stream id: StreamID) throws(SessionError) {
    let now = Instant(nanoseconds: 2_000_000_000)
    switch command {
    case .receive: session.receive(ByteBuffer(repeating: 0x58, count: 64), now: now)
    case .endOfInput: session.endOfInput()
    case .detachFromInput: session.detachFromInput()
    case .detachFromOutput: session.detachFromOutput()
    case .handleDeadline: session.handleDeadline(now: Instant(nanoseconds: .max))
    case .nextEvent: _ = session.nextEvent()
    case .nextJob: _ = session.nextJob()
    case .complete:
      guard let result = Self.result() else { throw SessionError.noJob }
      session.complete(result, now: now)
    case .transmit:
      var batch = TransmitBatch()
      session.transmit(maximumByteCount: 1 << 20, now: now, into: &batch)
    case .open: _ = try session.open()
    case .write: _ = try session.write(ByteBuffer(string: "text"), to: id, endsMessage: true)
    case .writeElsewhere: _ = try session.write(ByteBuffer(string: "text"), to: StreamID(rawValue: 99))
    case .finish: try session.finish(id)
    case .read: _ = session.read(id)
    case .stop: session.stop(id, code: .cancelled)
    case .reset: session.reset(id, code: .cancelled)
    case .release: session.release(id)
    case .setUrgency: session.setUrgency(0, of: id)
    case .requestUrgency: session.requestUrgency(0, of: id)
    case .ping: session.ping(now: now)
    case .drain: session.drain(now: now)
    case .close: session.close(.noError, text: "bye")
    }
  }

  /// The result of a job that a session in another life handed out.
  private static func result() -> CodecJobResult? {
    var configuration = SessionConfiguration()
    configuration.compression = .fixed(.lz4Default)
    var pair = EnginePair.established(client: configuration)
    guard let other = try? pair.client.session.open(),
      (try? pair.client.session.write(ByteBuffer(repeating: 7, count: 70_000), to: other)) != nil,
      let job = pair.client.session.nextJob()
    else { return nil }
    return job.run(in: CodecContext())
  }
}

extension SessionError {
  fileprivate static let noJob = SessionError(
    code: .internal, blame: .internal, rule: "", message: "a session with a codec gave no job")
}

import Testing

@testable import DWCPCore

/// Every phase of a session, and of its going away, against everything that moves it (SPEC section 5, END-1, END-2).
@Suite struct ConnectionSuiteProgressTables {
  private static let progress = StateTable(
    """
    input            awaitingPreface    awaitingHandshake  open     closing  closed
    preface          awaitingHandshake  awaitingHandshake  open     closing  closed
    settled          awaitingPreface    open               open     closing  closed
    lastWordsQueued  closing            closing            closing  closing  closed
    lastWordsSent    awaitingPreface    awaitingHandshake  open     closed   closed
    over             closed             closed             closed   closed   closed
    """)

  @Test("a session's phase: every phase, every input")
  func sessionProgress() {
    let inputs = SessionProgress.Input.allCases
    let names = inputs.map { "\($0)" }
    #expect(Self.progress.problems(states: Session.Phase.allCases.map { "\($0)" }, inputs: names) == [])
    for phase in Session.Phase.allCases {
      for input in inputs {
        var machine = Self.progress(in: phase)
        machine.apply(input)
        #expect(Self.progress["\(phase)", "\(input)"] == "\(machine.phase)", "\(input) while \(phase)")
      }
    }
  }

  private static func progress(in phase: Session.Phase) -> SessionProgress {
    let way: [SessionProgress.Input] =
      switch phase {
      case .awaitingPreface: []
      case .awaitingHandshake: [.preface]
      case .open: [.preface, .settled]
      case .closing: [.preface, .settled, .lastWordsQueued]
      case .closed: [.over]
      }
    var machine = SessionProgress()
    for input in way { machine.apply(input) }
    return machine
  }

  private static let goAway = StateTable(
    """
    input     none       announced  named
    announce  announced  announced  named
    nameLast  none       named      named
    receive   none       announced  named
    """)

  @Test("going away: every phase, every input; what the other end says does not move this end (SPEC END-1, END-2)")
  func goingAway() throws {
    let methods = try mutatingMethods(ofSource: "Session/GoAwayState.swift")
    #expect(Self.goAway.problems(states: GoAwayState.Phase.allCases.map { "\($0)" }, inputs: methods.sorted()) == [])
    let now = Instant(nanoseconds: 5)
    for phase in GoAwayState.Phase.allCases {
      for method in methods {
        var machine = Self.goAway(in: phase, now: now)
        switch method {
        case "announce": _ = machine.announce(now: now)
        case "nameLast": _ = machine.nameLast(StreamID(rawValue: 9))
        case "receive": _ = try machine.receive(lastStreamID: 9)
        default: Issue.record("the test does not know how to call \(method)")
        }
        #expect(Self.goAway["\(phase)", method] == "\(machine.phase)", "\(method) while \(phase)")
      }
    }
  }

  private static func goAway(in phase: GoAwayState.Phase, now: Instant) -> GoAwayState {
    var machine = GoAwayState()
    if phase != .none { _ = machine.announce(now: now) }
    if phase == .named { _ = machine.nameLast(StreamID(rawValue: 7)) }
    return machine
  }

  @Test("the last stream that GOAWAY names only sinks (SPEC END-1)")
  func lastStreamSinks() throws {
    var machine = GoAwayState()
    #expect(try machine.receive(lastStreamID: StreamID.maximumRawValue))
    #expect(try machine.receive(lastStreamID: 9))
    #expect(try !machine.receive(lastStreamID: 9))
    #expect(throws: SessionError.peer(.protocol, "END-1", "")) { try machine.receive(lastStreamID: 10) }
    #expect(throws: SessionError.peer(.protocol, "END-1", "")) {
      var fresh = GoAwayState()
      _ = try fresh.receive(lastStreamID: StreamID.maximumRawValue + 1)
    }
  }
}

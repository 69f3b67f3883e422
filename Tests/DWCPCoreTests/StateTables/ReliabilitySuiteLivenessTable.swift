import Testing

@testable import DWCPCore

/// Whether the other end is alive: every state, every input (SPEC HS-6, LIV-1, LIV-3).
///
/// The handshake may take 10 s and the idle timeout is 3 s. A cell is the verdict, `+` when a ping may be sent, or the rule broken.
@Suite struct ReliabilitySuiteLivenessTable {
  private static let table = StateTable(
    """
    input           handshaking        watching  probed  pinged   unlimited
    afterHalfSecond alive              alive     alive   alive    alive
    afterOneSecond  alive              probe     alive   probe    alive
    afterThree      alive              idle      idle    idle     alive
    afterTen        handshakeTimedOut  idle      idle    idle     alive
    afterByte       handshakeTimedOut  probe     probe   probe    alive
    pong            !LIV-1             !LIV-1    !LIV-1  alive    !LIV-1
    wrongPong       !LIV-1             !LIV-1    !LIV-1  !LIV-1   !LIV-1
    ping            +                  +         +       +        +
    ownProbe        +                  +         +       -        +
    established     alive              alive     alive   alive    alive
    """)

  private enum State: String, CaseIterable {
    case handshaking, watching, probed, pinged, unlimited
  }

  private enum Input: String, CaseIterable {
    case afterHalfSecond, afterOneSecond, afterThree, afterTen
    /// A byte comes after 9 s, and a second passes.
    case afterByte
    case pong, wrongPong, ping, ownProbe, established
  }

  private static let second: UInt64 = 1_000_000_000

  @Test("each input has in each state the verdict that the table says")
  func cells() throws {
    let problems = Self.table.problems(
      states: State.allCases.map(\.rawValue), inputs: Input.allCases.map(\.rawValue))
    #expect(problems == [])
    let methods = try mutatingMethods(ofSource: "Reliability/Liveness.swift")
    #expect(methods == ["noteReceived", "begin", "verdict", "makePing", "makeProbe", "receivePong"])
    for state in State.allCases {
      for input in Input.allCases {
        var liveness = Self.liveness(in: state)
        let outcome = Self.outcome(of: input, at: &liveness)
        #expect(Self.table[state.rawValue, input.rawValue] == outcome, "\(input) while \(state)")
      }
    }
  }

  private static func liveness(in state: State) -> Liveness {
    var liveness = Liveness(start: Instant(nanoseconds: 0), handshakeTimeoutNanoseconds: 10 * second)
    guard state != .handshaking else { return liveness }
    liveness.begin(localMilliseconds: state == .unlimited ? 0 : 3_000, remoteMilliseconds: 0)
    if state == .probed { _ = liveness.verdict(now: Instant(nanoseconds: second)) }
    if state == .pinged { _ = liveness.makePing(now: Instant(nanoseconds: 0)) }
    return liveness
  }

  private static func outcome(of input: Input, at liveness: inout Liveness) -> String {
    func verdict(_ nanoseconds: UInt64) -> String { "\(liveness.verdict(now: Instant(nanoseconds: nanoseconds)))" }
    switch input {
    case .afterHalfSecond: return verdict(second / 2)
    case .afterOneSecond: return verdict(second)
    case .afterThree: return verdict(3 * second)
    case .afterTen: return verdict(10 * second)
    case .afterByte:
      liveness.noteReceived(now: Instant(nanoseconds: 9 * second))
      return verdict(10 * second)
    case .pong, .wrongPong:
      do throws(SessionError) {
        _ = try liveness.receivePong(input == .pong ? 1 : 2, now: Instant(nanoseconds: 1))
        return verdict(1)
      } catch {
        return "!\(error.rule)"
      }
    case .ping: return liveness.makePing(now: Instant(nanoseconds: 1)) == nil ? "-" : "+"
    case .ownProbe: return liveness.makeProbe(now: Instant(nanoseconds: 1)) == nil ? "-" : "+"
    case .established:
      liveness.begin(localMilliseconds: 3_000, remoteMilliseconds: 0)
      return verdict(second / 2)
    }
  }
}

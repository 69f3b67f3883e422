/// Who has to act on an error.
public enum Blame: String, Hashable, Sendable {
  /// The other end broke a rule, or refused.
  case peer
  /// The program that uses this library asked for something that is not legal.
  case caller
  /// This library is at fault.
  case `internal`
  /// The connection was lost, or nothing arrived for too long.
  case network
}

/// Why a session ended, or why a command was turned down.
///
/// Two errors are equal when their codes are.
public struct SessionError: Error, Sendable {
  /// The code of SPEC section 13.
  public let code: ErrorCode
  /// Who has to act.
  public let blame: Blame
  /// The SPEC rule that was broken, such as `DAT-2`; empty when the other end gave the error.
  public let rule: String
  /// One sentence for a person.
  public let message: String
  /// True when the other end reported this, with REFUSE, CLOSE, RESET or STOP.
  public let isReportedByPeer: Bool
  /// What both ends offered, when the handshake was refused.
  public let refusal: Refusal?

  /// An error; the engine makes these, and an application that answers with the protocol's codes may.
  public init(
    code: ErrorCode, blame: Blame, rule: String, message: String, isReportedByPeer: Bool = false,
    refusal: Refusal? = nil
  ) {
    self.code = code
    self.blame = blame
    self.rule = rule
    self.message = message
    self.isReportedByPeer = isReportedByPeer
    self.refusal = refusal
  }

  static func peer(_ code: ErrorCode, _ rule: StaticString, _ message: String) -> SessionError {
    SessionError(code: code, blame: .peer, rule: "\(rule)", message: message)
  }

  static func caller(_ code: ErrorCode, _ rule: StaticString, _ message: String) -> SessionError {
    SessionError(code: code, blame: .caller, rule: "\(rule)", message: message)
  }
}

extension SessionError: Hashable {
  public static func == (left: SessionError, right: SessionError) -> Bool {
    left.code == right.code
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(code)
  }
}

extension SessionError: CustomStringConvertible {
  public var description: String {
    let origin = isReportedByPeer ? "the other end says: " : (rule.isEmpty ? "" : "\(rule): ")
    return "\(code): \(origin)\(message)"
  }
}

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
  /// In memory of its own: whatever can throw would otherwise make room for all of it.
  private final class Content: Sendable {
    let code: ErrorCode
    let blame: Blame
    let rule: String
    let message: String
    let isReportedByPeer: Bool
    let refusal: Refusal?

    init(
      _ code: ErrorCode, _ blame: Blame, _ rule: String, _ message: String, _ isReportedByPeer: Bool,
      _ refusal: Refusal?
    ) {
      self.code = code
      self.blame = blame
      self.rule = rule
      self.message = message
      self.isReportedByPeer = isReportedByPeer
      self.refusal = refusal
    }
  }

  private let content: Content

  /// The code of SPEC section 13.
  public var code: ErrorCode { content.code }
  /// Who has to act.
  public var blame: Blame { content.blame }
  /// The SPEC rule that was broken, such as `DAT-2`; empty when the other end gave the error.
  public var rule: String { content.rule }
  /// One sentence for a person.
  public var message: String { content.message }
  /// True when the other end reported this, with REFUSE, CLOSE, RESET or STOP.
  public var isReportedByPeer: Bool { content.isReportedByPeer }
  /// What both ends offered, when the handshake was refused.
  public var refusal: Refusal? { content.refusal }

  /// An error; the engine makes these, and an application that answers with the protocol's codes may.
  public init(
    code: ErrorCode, blame: Blame, rule: String, message: String, isReportedByPeer: Bool = false,
    refusal: Refusal? = nil
  ) {
    content = Content(code, blame, rule, message, isReportedByPeer, refusal)
  }

  /// The message is made up out of line, as that of `caller`, so that the code that may throw is not mostly text.
  @inline(never)
  static func peer(_ code: ErrorCode, _ rule: StaticString, _ message: @autoclosure () -> String) -> SessionError {
    SessionError(code: code, blame: .peer, rule: "\(rule)", message: message())
  }

  @inline(never)
  static func caller(_ code: ErrorCode, _ rule: StaticString, _ message: @autoclosure () -> String) -> SessionError {
    SessionError(code: code, blame: .caller, rule: "\(rule)", message: message())
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

internal import NIOCore

/// The body of HELLO (SPEC section 5).
struct Hello: Hashable, Sendable {
  static let nonceByteCount = 32

  var prefaceEcho: UInt64
  var nonce: [UInt8]
  var announcement: Announcement

  func write(to buffer: inout ByteBuffer) {
    buffer.writeInteger(prefaceEcho)
    buffer.writeBytes(nonce)
    announcement.write(to: &buffer)
  }
}

extension Hello {
  init(reading body: inout ByteBuffer) throws(SessionError) {
    guard let prefaceEcho = body.readInteger(as: UInt64.self), let nonce = body.readBytes(length: Self.nonceByteCount)
    else { throw .peer(.frameSize, "HDR-2", "HELLO is too short") }
    self.init(prefaceEcho: prefaceEcho, nonce: nonce, announcement: try Announcement(reading: &body))
  }
}

/// The body of WELCOME (SPEC section 5).
struct Welcome: Hashable, Sendable {
  static let integrityFlag: UInt8 = 0x01
  static let sessionIDByteCount = 16
  static let tokenByteCount = 32

  var initiatorPrefaceEcho: UInt64
  var acceptorPrefaceEcho: UInt64
  var minor: UInt8
  var isIntegrityOn: Bool
  var sessionID: [UInt8]
  var token: [UInt8]
  var nonce: [UInt8]
  var announcement: Announcement

  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(initiatorPrefaceEcho, acceptorPrefaceEcho)
    buffer.writeMultipleIntegers(minor, isIntegrityOn ? Self.integrityFlag : 0, UInt16(0))
    buffer.writeBytes(sessionID)
    buffer.writeBytes(token)
    buffer.writeBytes(nonce)
    announcement.write(to: &buffer)
  }
}

extension Welcome {
  init(reading body: inout ByteBuffer) throws(SessionError) {
    guard
      let (initiatorEcho, acceptorEcho, minor, flags, reserved) = body.readMultipleIntegers(
        as: (UInt64, UInt64, UInt8, UInt8, UInt16).self),
      let sessionID = body.readBytes(length: Self.sessionIDByteCount),
      let token = body.readBytes(length: Self.tokenByteCount),
      let nonce = body.readBytes(length: Hello.nonceByteCount)
    else { throw .peer(.frameSize, "HDR-2", "WELCOME is too short") }
    guard flags & ~Self.integrityFlag == 0, reserved == 0 else {
      throw .peer(.protocol, "CONV-2", "a reserved bit of WELCOME is set")
    }
    self.init(
      initiatorPrefaceEcho: initiatorEcho, acceptorPrefaceEcho: acceptorEcho, minor: minor,
      isIntegrityOn: flags & Self.integrityFlag != 0, sessionID: sessionID, token: token, nonce: nonce,
      announcement: try Announcement(reading: &body))
  }
}

/// What both ends offered when one of them refused the session: the body of REFUSE (SPEC section 5, HS-4, HS-7).
public struct Refusal: Hashable, Sendable {
  /// Why: `VERSION`, `NO_COMMON_CODEC`, `POLICY` or what else was wrong.
  public let code: ErrorCode
  /// The versions of the end that refused.
  public let refuserVersions: Preface
  /// The versions of the end that was refused, as the refuser received them.
  public let refusedVersions: Preface
  /// Codec ids the refuser can decode, preferred first.
  public let refuserCodecIDs: [UInt8]
  /// Codec ids the refused end can decode; empty when the refuser had not read them.
  public let refusedCodecIDs: [UInt8]
  /// Codec ids the refuser's policy requires.
  public let requiredCodecIDs: [UInt8]
  /// One sentence for a person, from the end that refused.
  public let message: String

  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(
      code.rawValue, refuserVersions.major, refuserVersions.lowestMinor, refuserVersions.highestMinor, UInt8(0))
    buffer.writeInteger(refusedVersions.packed)
    buffer.writeCodecIDs(refuserCodecIDs)
    buffer.writeCodecIDs(refusedCodecIDs)
    buffer.writeCodecIDs(requiredCodecIDs)
    buffer.writeText(message, maximumByteCount: 1_024)
  }
}

extension Refusal {
  init(reading body: inout ByteBuffer) throws(SessionError) {
    guard
      let (code, major, lowest, highest, _, echo) = body.readMultipleIntegers(
        as: (UInt32, UInt8, UInt8, UInt8, UInt8, UInt64).self),
      let refuserCodecIDs = body.readCodecIDs(), let refusedCodecIDs = body.readCodecIDs(),
      let requiredCodecIDs = body.readCodecIDs(), let message = body.readText()
    else { throw .peer(.protocol, "HS-7", "a length inside REFUSE reaches past its end") }
    self.init(
      code: ErrorCode(rawValue: code),
      refuserVersions: Preface(major: major, lowestMinor: lowest, highestMinor: highest),
      refusedVersions: Preface(packed: echo), refuserCodecIDs: refuserCodecIDs, refusedCodecIDs: refusedCodecIDs,
      requiredCodecIDs: requiredCodecIDs, message: message)
  }

  /// Codec ids as text for an operator, e.g. `zstd, lz4, none`.
  public static func names(ofCodecIDs ids: [UInt8]) -> String {
    ids.isEmpty ? "(not read)" : ids.map { Codec(rawValue: $0)?.name ?? "codec \($0)" }.joined(separator: ", ")
  }

  /// Both sides' versions and codecs, one fact a line.
  public var report: String {
    var lines = [
      "no session: \(message)",
      "  refusing end: \(refuserVersions); can decode: \(Self.names(ofCodecIDs: refuserCodecIDs))",
      "  refused end:  \(refusedVersions); can decode: \(Self.names(ofCodecIDs: refusedCodecIDs))",
    ]
    if !requiredCodecIDs.isEmpty {
      lines.append("  the refusing end requires: \(Self.names(ofCodecIDs: requiredCodecIDs))")
    }
    return lines.joined(separator: "\n")
  }
}

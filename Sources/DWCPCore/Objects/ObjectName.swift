internal import NIOCore

/// Names an object among those of the end that sends it (SPEC BAS-1).
public struct ObjectName: Hashable, Sendable {
  /// The compression domain: nothing of one is ever used for another (SPEC BAS-6).
  public let domain: UInt64
  /// Which object of the domain.
  public let number: UInt64

  /// - Parameter domain: the compression domain, for instance of a tenant.
  /// - Parameter number: any number, chosen by the end that sends the object.
  public init(domain: UInt64 = 0, number: UInt64) {
    self.domain = domain
    self.number = number
  }
}

/// A version of an object that a stream carries (SPEC BAS-1); what its opener says of it.
public struct ObjectVersion: Hashable, Sendable {
  /// Which object.
  public let name: ObjectName
  /// Counts from 1; a higher one forgets what both ends held of the object.
  public let epoch: UInt64
  /// The version that this one goes on from; 0 for none.
  public let baseVersion: UInt64
  /// Above all versions of the object that were begun before.
  public let version: UInt64
  /// Bytes of the object in this version: 1 to 2^40.
  public let byteCount: UInt64
  /// Of the base's content, 0 where there is none: an end that has other bytes finds it out before it uses them.
  public let baseDigest: UInt64

  /// SPEC BAS-1.
  static let byteCounts: ClosedRange<UInt64> = 1...1 << 40
  /// What the entry of an OPEN takes, the domain aside.
  static let entryByteCount = 48
}

extension ObjectVersion {
  /// What stands in the entry, without the domain.
  func write(to buffer: inout ByteBuffer) {
    buffer.writeMultipleIntegers(name.number, epoch, baseVersion, version, byteCount, baseDigest)
  }

  init?(reading value: inout ByteBuffer) {
    guard
      let (number, epoch, baseVersion, version, byteCount, baseDigest) = value.readMultipleIntegers(
        as: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64).self)
    else { return nil }
    self.init(
      name: ObjectName(number: number), epoch: epoch, baseVersion: baseVersion, version: version, byteCount: byteCount,
      baseDigest: baseDigest)
  }

  func inDomain(_ domain: UInt64) -> ObjectVersion {
    ObjectVersion(
      name: ObjectName(domain: domain, number: name.number), epoch: epoch, baseVersion: baseVersion, version: version,
      byteCount: byteCount, baseDigest: baseDigest)
  }
}

public import DWCPCore
public import NIOCore

/// A compression domain as a type: a tenant, a machine, a secrecy label. What is of one domain cannot be handed to another by mistake, since it does not compile
/// (SPEC BAS-6).
public protocol CompressionDomain: Sendable {
  /// On the wire; another one for each domain of a session.
  static var number: UInt64 { get }
}

/// An object of a domain.
public struct DomainObject<Domain: CompressionDomain>: Hashable, Sendable {
  /// What it is called on the wire.
  public let name: ObjectName

  /// - Parameter number: which object of the domain.
  public init(number: UInt64) {
    name = ObjectName(domain: Domain.number, number: number)
  }
}

/// A session as one domain sees it: streams that are opened by it are of the domain, and its objects are no others.
public struct DomainSession<Domain: CompressionDomain>: Sendable {
  let session: LiveSession

  /// Opens a stream of the domain (``LiveSession/withStream(_:compression:_:)``): its blocks refer to nothing of another one.
  ///
  /// - Parameters:
  ///   - opening: what else is said of the stream.
  ///   - compression: nil for what the configuration says.
  ///   - body: uses the stream.
  public nonisolated(nonsending) func withStream<Result>(
    _ opening: StreamOpening = StreamOpening(), compression: CompressionChoice? = nil,
    _ body: (SessionStream) async throws -> Result
  ) async throws -> Result {
    var opening = opening
    opening.domain = Domain.number
    return try await session.withStream(opening, compression: compression, body)
  }

  /// Sends a new version of an object of the domain (``LiveSession/withVersion(of:byteCount:forgetsBase:opening:compression:_:)``).
  ///
  /// - Parameters:
  ///   - object: the object.
  ///   - byteCount: its length in the new version.
  ///   - forgetsBase: both ends forget what they hold of the object.
  ///   - opening: what else is said of the stream.
  ///   - body: writes the pages.
  /// - Returns: what the body returned, and the version at which the object stands then; 0 when the other end keeps none.
  public nonisolated(nonsending) func withVersion<Result>(
    of object: DomainObject<Domain>, byteCount: Int, forgetsBase: Bool = false,
    opening: StreamOpening = StreamOpening(), _ body: (SessionStream) async throws -> Result
  ) async throws -> (result: Result, version: UInt64) {
    try await session.withVersion(
      of: object.name, byteCount: byteCount, forgetsBase: forgetsBase, opening: opening, body)
  }

  /// What this end holds of an object of the domain that the other end sends; nil when it holds none.
  ///
  /// - Parameters:
  ///   - object: the object.
  ///   - range: the bytes that are wanted; those beyond its end do not come.
  public func content(
    of object: DomainObject<Domain>, range: Range<Int>
  ) async throws -> (version: UInt64, bytes: ByteBuffer)? {
    try await session.object(object.name, range: range)
  }
}

extension LiveSession {
  /// The session as one domain sees it.
  ///
  /// - Parameter domain: the type that stands for the domain.
  public func domain<Domain: CompressionDomain>(_ domain: Domain.Type) -> DomainSession<Domain> {
    DomainSession(session: self)
  }
}

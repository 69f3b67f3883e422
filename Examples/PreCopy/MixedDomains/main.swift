// Does not compile, and must not: an object of one tenant is sent in the domain of another (SPEC BAS-6). scripts/run-example tries.
import DWCPNIO

enum TenantA: CompressionDomain { static let number: UInt64 = 1 }
enum TenantB: CompressionDomain { static let number: UInt64 = 2 }

func mix(_ session: LiveSession, _ object: DomainObject<TenantB>) async throws {
  _ = try await session.domain(TenantA.self).withVersion(of: object, byteCount: 4_096) { _ in }
}

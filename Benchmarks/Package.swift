// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [.enableUpcomingFeature("ExistentialAny"), .strictMemorySafety()]

// Unused code in front of the rest, for the self-test's builds with another layout.
let padding = Context.environment["DWCP_BENCH_PADDING"].map { [CSetting.define("DWCP_BENCH_PADDING", to: $0)] } ?? []

let package = Package(
  name: "dwcp-benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "dwcp", path: ".."),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
    .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
  ],
  targets: [
    // Not named CZstd and CLZ4, since module names are unique over all packages of a build.
    .systemLibrary(name: "CZstdBare", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .systemLibrary(name: "CLZ4Bare", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
    .target(name: "CBench", cSettings: padding),
    .target(name: "BenchStatistics", swiftSettings: strict),
    .target(name: "BenchGate", dependencies: ["BenchStatistics"], swiftSettings: strict),
    .executableTarget(
      name: "dwcp-bench",
      dependencies: [
        "BenchGate", "BenchStatistics", "CBench", "CLZ4Bare", "CZstdBare",
        .product(name: "DWCPCore", package: "dwcp"), .product(name: "DWCPLinkEmulation", package: "dwcp"),
        .product(name: "DWCPNIO", package: "dwcp"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOConcurrencyHelpers", package: "swift-nio"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict,
      // valgrind 3.19 cannot read the debugging information of today's compilers, and gives up.
      linkerSettings: [.unsafeFlags(["-Xlinker", "--strip-debug"], .when(platforms: [.linux]))]
    ),
    .testTarget(name: "BenchStatisticsTests", dependencies: ["BenchStatistics"], swiftSettings: strict),
    .testTarget(name: "BenchCommandTests", dependencies: ["dwcp-bench"], swiftSettings: strict),
    .testTarget(name: "BenchGateTests", dependencies: ["BenchGate"], swiftSettings: strict),
  ]
)

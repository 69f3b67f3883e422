// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let package = Package(
  name: "dwcp",
  platforms: [.macOS(.v26)],
  products: [
    .library(name: "DWCPCore", targets: ["DWCPCore"]),
    .library(name: "DWCPNIO", targets: ["DWCPNIO"]),
    .library(name: "DWCPStreamMetrics", targets: ["DWCPStreamMetrics"]),
    .library(name: "DWCPBandwidthMetrics", targets: ["DWCPBandwidthMetrics"]),
    .library(name: "DWCPCompressionMetrics", targets: ["DWCPCompressionMetrics"]),
    .library(name: "DWCPPrometheus", targets: ["DWCPPrometheus"]),
    .library(name: "DWCPLinkEmulation", targets: ["DWCPLinkEmulation"]),
    .executable(name: "dwcp", targets: ["dwcp"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
  ],
  targets: [
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"]), .brew(["lz4"])]),
    .target(name: "CCRC32C"),
    .target(name: "CDelta"),
    .target(
      name: "DWCPCore",
      dependencies: [
        "CZstd", "CLZ4", "CCRC32C", "CDelta", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "DequeModule", package: "swift-collections"), .product(name: "Crypto", package: "swift-crypto"),
      ],
      swiftSettings: strict + [.strictMemorySafety()]
    ),
    .target(
      name: "DWCPNIO",
      dependencies: [
        "DWCPCore", .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"), .product(name: "DequeModule", package: "swift-collections"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "DWCPStreamMetrics", dependencies: ["DWCPCore", .product(name: "CoreMetrics", package: "swift-metrics")],
      swiftSettings: strict),
    .target(
      name: "DWCPBandwidthMetrics",
      dependencies: ["DWCPCore", .product(name: "CoreMetrics", package: "swift-metrics")],
      swiftSettings: strict),
    .target(
      name: "DWCPCompressionMetrics",
      dependencies: ["DWCPCore", .product(name: "CoreMetrics", package: "swift-metrics")], swiftSettings: strict),
    .target(
      name: "DWCPPrometheus", dependencies: [.product(name: "CoreMetrics", package: "swift-metrics")],
      swiftSettings: strict),
    .target(name: "DWCPConformance", dependencies: ["CCRC32C"], swiftSettings: strict),
    .target(
      name: "DWCPLinkEmulation",
      dependencies: [
        "DWCPCore", .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    .executableTarget(
      name: "dwcp",
      dependencies: [
        "DWCPConformance", "DWCPCore", "DWCPNIO", "DWCPStreamMetrics", "DWCPBandwidthMetrics", "DWCPCompressionMetrics",
        "DWCPPrometheus",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Crypto", package: "swift-crypto"), .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
      ],
      swiftSettings: [.enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("MemberImportVisibility")]
    ),
    .testTarget(
      name: "DWCPCoreTests",
      dependencies: ["DWCPCore", "CCRC32C", "CDelta", .product(name: "NIOCore", package: "swift-nio")],
      swiftSettings: strict),
    .testTarget(
      name: "DWCPNIOTests",
      dependencies: [
        "DWCPCore", "DWCPNIO", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"), .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: strict),
    .testTarget(
      name: "DWCPToolTests",
      dependencies: [
        "dwcp", "DWCPConformance", "DWCPCore", "DWCPLinkEmulation", "DWCPNIO",
        .product(name: "Crypto", package: "swift-crypto"), .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    .testTarget(
      name: "MetricsTests",
      dependencies: [
        "DWCPCore", "DWCPNIO", "DWCPStreamMetrics", "DWCPBandwidthMetrics", "DWCPCompressionMetrics", "DWCPPrometheus",
        .product(name: "CoreMetrics", package: "swift-metrics"), .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    .testTarget(
      name: "LinkEmulationTests",
      dependencies: [
        "DWCPCore", "DWCPLinkEmulation", "DWCPNIO", .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
      ], swiftSettings: strict),
    .target(
      name: "Simulation", dependencies: ["DWCPCore", .product(name: "NIOCore", package: "swift-nio")],
      path: "Tests/Simulation", swiftSettings: strict),
    .target(
      name: "HostileSimulation",
      dependencies: ["CHeapCount", "DWCPCore", "Simulation", .product(name: "NIOCore", package: "swift-nio")],
      path: "Tests/HostileSimulation", swiftSettings: strict),
    .executableTarget(
      name: "dwcp-simulate",
      dependencies: [
        "HostileSimulation", "Simulation", "DWCPCore",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      path: "Tests/SimulationCommand"),
    .target(
      name: "FuzzHarness", dependencies: ["DWCPCore", "Simulation", .product(name: "NIOCore", package: "swift-nio")],
      path: "Tests/FuzzHarness", swiftSettings: strict),
    .testTarget(name: "FuzzTests", dependencies: ["FuzzHarness"], swiftSettings: strict),
    .testTarget(
      name: "SimulationTests", dependencies: ["Simulation"], exclude: ["Results"], swiftSettings: strict),
    .testTarget(
      name: "ConformanceTests", dependencies: ["DWCPCore", .product(name: "NIOCore", package: "swift-nio")],
      path: "Tests/Conformance", swiftSettings: strict),
    .target(name: "CHeapCount", path: "Tests/CHeapCount"),
    .testTarget(
      name: "HostileTests",
      dependencies: [
        "HostileSimulation", "DWCPCore", "DWCPNIO", .product(name: "Logging", package: "swift-log"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
      ], exclude: ["README.md", "Results"], swiftSettings: strict),
    .testTarget(name: "TidyTests", swiftSettings: strict),
  ]
)

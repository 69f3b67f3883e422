// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "dwcp-peers",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "dwcp", path: "../../.."),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-http2", exact: "1.46.0"),
  ],
  targets: [
    .target(name: "CAllocationCount"),
    .target(name: "CHeapUse"),
    .executableTarget(
      name: "swift-peers",
      dependencies: [
        "CHeapUse", .product(name: "DWCPCore", package: "dwcp"), .product(name: "DWCPNIO", package: "dwcp"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOHPACK", package: "swift-nio-http2"), .product(name: "NIOHTTP2", package: "swift-nio-http2"),
      ],
      swiftSettings: [
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
      ]
    ),
    .executableTarget(
      name: "swift-memory",
      dependencies: [
        "CAllocationCount", .product(name: "DWCPCore", package: "dwcp"),
        .product(name: "NIOCore", package: "swift-nio"),
      ],
      swiftSettings: [.enableUpcomingFeature("ExistentialAny")],
      // valgrind 3.19 cannot read the debugging information of today's compilers, and gives up.
      linkerSettings: [.unsafeFlags(["-Xlinker", "--strip-debug"], .when(platforms: [.linux]))]
    ),
  ]
)

// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "dwcp-benchmarks",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "dwcp", path: ".."),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  ],
  targets: [
    // Not named CZstd, since module names are unique over all packages of a build.
    .systemLibrary(name: "CZstdBare", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"]), .brew(["zstd"])]),
    .target(name: "CAllocationCount"),
    .executableTarget(
      name: "dwcp-bench",
      dependencies: [
        "CAllocationCount", "CZstdBare", .product(name: "DWCPCore", package: "dwcp"),
        .product(name: "DWCPNIO", package: "dwcp"), .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: [.enableUpcomingFeature("ExistentialAny"), .strictMemorySafety()]
    ),
  ]
)

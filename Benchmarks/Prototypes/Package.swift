// swift-tools-version:6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// Experiments behind the decision records in docs/decisions. Each currency of the payload experiment has a module of its own, since
// a core and its user are in different modules as well.
let package = Package(
  name: "dwcp-prototypes",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "dwcp", path: "../.."),
    .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
  ],
  targets: [
    .target(name: "CAllocations"),
    .target(
      name: "Framing", dependencies: [.product(name: "DWCPCore", package: "dwcp")], swiftSettings: strict),
    .target(
      name: "ConcreteCore",
      dependencies: [
        "Framing", .product(name: "DWCPCore", package: "dwcp"), .product(name: "NIOCore", package: "swift-nio"),
      ], swiftSettings: strict),
    .target(
      name: "SpanCore", dependencies: ["Framing", .product(name: "DWCPCore", package: "dwcp")], swiftSettings: strict),
    .target(
      name: "GenericCore", dependencies: ["Framing", .product(name: "DWCPCore", package: "dwcp")],
      swiftSettings: strict),
    .target(
      name: "InlinableGenericCore", dependencies: ["Framing", .product(name: "DWCPCore", package: "dwcp")],
      swiftSettings: strict + [.define("INLINABLE")]),
    .executableTarget(
      name: "dwcp-prototypes",
      dependencies: [
        "CAllocations", "Framing", "ConcreteCore", "SpanCore", "GenericCore", "InlinableGenericCore",
        .product(name: "DWCPCore", package: "dwcp"), .product(name: "DWCPNIO", package: "dwcp"),
        .product(name: "NIOCore", package: "swift-nio"), .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "Logging", package: "swift-log"),
      ], swiftSettings: strict),
  ]
)

// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "PreCopy",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "dwcp", path: "../.."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: [
    .executableTarget(
      name: "pre-copy",
      dependencies: [
        .product(name: "DWCPCore", package: "dwcp"), .product(name: "DWCPNIO", package: "dwcp"),
        .product(name: "NIOCore", package: "swift-nio"),
      ])
  ]
)

// What must not compile is no part of the package; scripts/run-example shows that it does not.
if Context.environment["DWCP_MIXED_DOMAINS"] != nil {
  package.targets.append(
    .executableTarget(
      name: "mixed-domains", dependencies: [.product(name: "DWCPNIO", package: "dwcp")], path: "MixedDomains"))
}

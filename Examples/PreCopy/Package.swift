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

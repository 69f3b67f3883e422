// swift-tools-version:6.2
import PackageDescription

let package = Package(
  name: "HelloStream",
  platforms: [.macOS(.v26)],
  dependencies: [
    .package(name: "dwcp", path: "../.."),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
  ],
  targets: ["hello-server", "hello-client"].map { name in
    .executableTarget(
      name: name,
      dependencies: [
        .product(name: "DWCPNIO", package: "dwcp"), .product(name: "NIOCore", package: "swift-nio"),
      ])
  }
)

import Foundation
import FuzzHarness
import Testing

/// Replays, without a fuzzer, what the fuzzers start from and what they found: `Fuzz/Crashes`, and some of `Fuzz/Corpora`. A fuzzer
/// replays all of its corpus when it starts, in a release build; here that would take minutes.
@Suite struct FuzzSuite {
  private static let corpusSampleCount = 40

  private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
    .joined(separator: "/")

  @Test("seeds find nothing", arguments: FuzzTarget.allCases)
  func seeds(target: FuzzTarget) throws {
    try #require(target.seeds.count > 10)
    for seed in target.seeds { #expect(target.problem(in: seed) == nil, "\(seed)") }
  }

  @Test("the corpora find nothing, nor does what once crashed", arguments: FuzzTarget.allCases, ["Corpora", "Crashes"])
  func files(target: FuzzTarget, kind: String) throws {
    let place = "\(Self.root)/Fuzz/\(kind)/\(target.rawValue)"
    let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
    if kind == "Corpora" { try #require(names.count > 10, "\(place) is empty") }
    // The names are hashes of the contents, so the first of them are as good a choice as any.
    for name in names.sorted().prefix(kind == "Corpora" ? Self.corpusSampleCount : .max) {
      let bytes = try Data(contentsOf: URL(filePath: "\(place)/\(name)"))
      #expect(target.problem(in: Array(bytes)) == nil, "\(kind)/\(target.rawValue)/\(name)")
    }
  }
}

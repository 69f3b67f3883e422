import DWCPCore
import Testing

@testable import Simulation

/// A small share of the orders in a debug build; `make test` tries those of two streams with up to three blocks each in a release build
/// (`dwcp-simulate interleavings`).
@Suite struct ReliabilitySuiteInterleavings {
  private static func search(
    _ plan: InterleavingPlan, isReduced: Bool = true, completionInterval: Int = 16, rememberedEndCount: Int = 10_000
  ) -> InterleavingReport {
    var search = InterleavingSearch(
      plan, codecs: CodecContext(), isReduced: isReduced, completionInterval: completionInterval,
      rememberedEndCount: rememberedEndCount)
    let report = search.run()
    if let failure = report.failure { Issue.record("\(plan.name): \(failure)") }
    print("\(plan.name): \(report.stateCount) states, \(report.stepCount) steps, longest way \(report.depth)")
    return report
  }

  @Test(
    "one stream of three blocks comes to its end in every order, and from every state (SPEC CRD-5, LIV-2, STR-4, ACK-4)",
    arguments: InterleavingPlan.all(streamCount: 1, blockCount: 3))
  func oneStream(plan: InterleavingPlan) {
    #expect(Self.search(plan, completionInterval: 1).stateCount > 100)
  }

  @Test(
    "two streams come to their ends in every order (SPEC CRD-5, CRD-6, LIV-2, STR-4, ACK-4)",
    arguments: InterleavingPlan.all(streamCount: 2, blockCount: 1).filter { $0.isTerse })
  func twoStreams(plan: InterleavingPlan) {
    #expect(Self.search(plan).stateCount > 400)
  }

  @Test("orders that differ only in steps that commute lead to the same ends, and are as many each time")
  func reduction() {
    for plan in InterleavingPlan.all(streamCount: 1, blockCount: 2) where plan.isTerse {
      let reduced = Self.search(plan)
      let whole = Self.search(plan, isReduced: false)
      #expect(whole.stateCount > reduced.stateCount, "\(plan.name)")
      #expect(whole.finalStateCount == reduced.finalStateCount, "\(plan.name)")
      #expect(whole.depth == reduced.depth, "\(plan.name)")
      #expect(Self.search(plan).stateCount == reduced.stateCount, "\(plan.name)")
    }
  }

  @Test("a search that keeps no end, and makes each again when it needs it, meets the same states", arguments: [0, 20])
  func forgetting(rememberedEndCount: Int) {
    for plan in InterleavingPlan.all(streamCount: 1, blockCount: 3) {
      let remembering = Self.search(plan)
      let whole = Self.search(plan, rememberedEndCount: rememberedEndCount)
      #expect(whole.stateCount == remembering.stateCount, "\(plan.name)")
      #expect(whole.stepCount == remembering.stepCount, "\(plan.name)")
      #expect(whole.finalStateCount == remembering.finalStateCount, "\(plan.name)")
      #expect(whole.depth == remembering.depth, "\(plan.name)")
    }
  }

  @Test("a state that was met is found again, however many there are, and no other is")
  func states() {
    var states = InterleavingStateSet()
    let fingerprint = { (number: Int) in InterleavingFingerprint { $0.combine(number) } }
    let shelf = { (number: Int) in fingerprint(-1 - number / 1_000) }
    #expect((0..<100_000).allSatisfy { states.insert(fingerprint($0), on: shelf($0)) })
    #expect(!(0..<100_000).contains { states.insert(fingerprint($0), on: shelf($0)) })
    #expect((100_000..<200_000).allSatisfy { states.insert(fingerprint($0), on: shelf($0)) })
  }

  @Test("what the projection leaves out of the link hides nothing")
  func projection() {
    for plan in InterleavingPlan.all(streamCount: 1, blockCount: 3)
    where !["cut-short", "link-binds", "from-the-start"].contains(plan.name) {
      var exact = plan
      exact.isExact = true
      exact.noiseByteCount = 8_192
      var inexact = exact
      inexact.isExact = false
      let projected = Self.search(inexact)
      let whole = Self.search(exact)
      #expect(whole.stateCount >= projected.stateCount, "\(plan.name)")
      #expect(whole.depth >= projected.depth, "\(plan.name)")
    }
  }

  @Test("the plans make streams wait for everything that they can wait for")
  func blockers() {
    let oneStream = InterleavingPlan.all(streamCount: 1, blockCount: 4).filter {
      ["link-binds", "compressed"].contains($0.name)
    }
    let twoStreams = InterleavingPlan.all(streamCount: 2, blockCount: 1).filter { $0.name == "cut-short" }
    var met: Set<StreamBlocker> = []
    for plan in oneStream + twoStreams { met.formUnion(Self.search(plan, completionInterval: 4).blockers) }
    #expect(met == Set(StreamBlocker.allCases))
  }
}

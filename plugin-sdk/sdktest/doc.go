// Package sdktest tests plugins as a host runs them: over gRPC, with the
// messages of the protocol, in the process of the test or as a built binary.
//
// [Run] is the conformance suite. Every plugin's tests should have it:
//
//	func TestConformance(t *testing.T) {
//		sdktest.Run(t, sdktest.Suite{
//			Plugin:  plugin(),
//			Package: ".",
//			Sources: []sdktest.SourceCase{{Class: "Clock", Config: …, Records: 100}},
//		})
//	}
//
// For tests of a plugin's own there is the host's part of each stream, to be
// played step by step:
//
//	p := sdktest.InProcess(t, plugin())          // or sdktest.Binary(t, path)
//	s, err := p.StartSource("Clock", config, offsets)
//	records := s.Take(10)                        // grants credit and waits
//	s.Commit(records...)                         // stores offsets, acknowledges
//	err = s.Stop()
//
// The methods fail the test when the plugin breaks the protocol or does not
// answer within [Patience]; errors that they return are the author's, of type
// [sdk.Error]. They are called by the goroutine of the test.
package sdktest

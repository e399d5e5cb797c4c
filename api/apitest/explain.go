package apitest

import "github.com/sixfold-router/sixfold/router"

// explanations is what the router of Sample explains.
func explanations() map[string]router.Explanation {
	return map[string]router.Explanation{
		"2001:db8:1::5054": {
			Kind: "address", Subject: "2001:db8:1::5054", Summary: "2001:db8:1::5054 is on lan0, reserved as web1",
			Finding: []router.Finding{{Topic: "link", State: router.OK, Text: "lan0 is up, MTU 1500", Findings: []router.Finding{
				{Topic: "neighbor", State: router.Info, Text: "2001:db8:1::5054 is not in the neighbor table of lan0: nothing was sent to it lately"},
			}}},
		},
		"neighbor lab": {
			Kind: "neighbor", Subject: "lab", Summary: "lab is not established: active since 2m; last error: connection refused",
			Finding: []router.Finding{{Topic: "session", State: router.Broken, Text: "active since 2m; last error: connection refused", Advice: "does it listen?", Findings: []router.Finding{
				{Topic: "filter", State: router.Skipped, Text: "import filter"},
			}}},
		},
	}
}

package apitest

import "github.com/sixfold-router/sixfold/router/explain"

// explanations is what the router of Sample explains.
func explanations() map[string]explain.Explanation {
	return map[string]explain.Explanation{
		"2001:db8:1::5054": {
			Kind: "address", Subject: "2001:db8:1::5054", Summary: "2001:db8:1::5054 is on lan0, reserved as web1",
			Finding: []explain.Finding{{Topic: "link", State: explain.OK, Text: "lan0 is up, MTU 1500", Findings: []explain.Finding{
				{Topic: "neighbor", State: explain.Info, Text: "2001:db8:1::5054 is not in the neighbor table of lan0: nothing was sent to it lately"},
			}}},
		},
		"neighbor lab": {
			Kind: "neighbor", Subject: "lab", Summary: "lab is not established: active since 2m; last error: connection refused",
			Finding: []explain.Finding{{Topic: "session", State: explain.Broken, Text: "active since 2m; last error: connection refused", Advice: "does it listen?", Findings: []explain.Finding{
				{Topic: "filter", State: explain.Skipped, Text: "import filter"},
			}}},
		},
	}
}

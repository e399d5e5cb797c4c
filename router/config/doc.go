// Package config turns configuration text into checked, typed configuration.
//
// The schema is the protobuf message sixfold.v1.Config; the file is that message in YAML (JSON is YAML too). Load goes in
// four steps, and each goes on after errors, so that one run shows all of them:
//
//  1. the text is read with protoyaml. Its hook for custom messages gets the whole tree first: decode.go checks it against
//     the schema, says what is wrong in an operator's words, cuts that out, and remembers where everything stands;
//  2. the field rules of the schema (protovalidate) are evaluated, rules.go puts them into words;
//  3. text becomes Go types (addresses, prefixes, durations), and the defaults are filled in;
//  4. what spans sections is checked: names that must exist, addresses that must be unique, pools that must fit.
//
// The steps 2 to 4 know nothing of YAML. They carry a spot, a node of a tree that knows path and position of each value,
// so the same code serves a message that came by gRPC, whose errors have paths only.
package config

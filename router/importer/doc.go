// Package importer turns the configuration files of other programs into a configuration of ours: what they advertise, ask for and
// serve on their links. It reads text and returns text; it looks neither at this machine nor at a daemon.
//
// Each format has a file named for it, which reads the text into tokens or statements with their places (lexer.go, tree.go,
// termcap.go) and fills a draft (draft.go). What has no equivalent here, and what is wrong in itself, becomes a [Note] with its place
// and with what to do about it; only a text that cannot be read at all is an error. A draft is then checked as the router checks a
// configuration, what does not pass is left out with a note (prune.go), and the rest is written in canonical form: what [Import]
// returns is always a valid configuration.
//
// Nothing of a file is shown but the words that a note is about, and never the values of statements that are not known: they may be
// secrets.
package importer

package ra

// String is the parameter as in zone files (RFC 9460 2.1), as in alpn=h2,h3.
func (p SvcParam) String() string { return parameter(p.Key, p.Value) }

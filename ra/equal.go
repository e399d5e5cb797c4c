package ra

import (
	"bytes"
	"slices"
)

// Equal reports whether both are advertised in the same way. With thousands of links each change of one has all compared.
func (i *Interface) Equal(o *Interface) bool {
	return i.equalHeader(o) && i.equalAudience(o) &&
		slices.Equal(i.Prefixes, o.Prefixes) && slices.Equal(i.Routes, o.Routes) && slices.Equal(i.PREF64, o.PREF64) &&
		slices.Equal(i.RDNSS, o.RDNSS) && slices.Equal(i.GoneRDNSS, o.GoneRDNSS) && slices.Equal(i.DNSSL, o.DNSSL) &&
		i.DNSLifetime == o.DNSLifetime && i.DNSSLLifetime == o.DNSSLLifetime && i.KeepDNS == o.KeepDNS && i.CaptivePortal == o.CaptivePortal &&
		slices.EqualFunc(i.DNR, o.DNR, Resolver.equal) && slices.EqualFunc(i.GoneDNR, o.GoneDNR, RawOption.equal) && slices.EqualFunc(i.Raw, o.Raw, RawOption.equal) &&
		slices.Equal(i.Withdrawn, o.Withdrawn)
}

// equalHeader compares where advertisements come from, and what is there once in each.
func (i *Interface) equalHeader(o *Interface) bool {
	return i.Link == o.Link && i.Index == o.Index && i.LinkLocal == o.LinkLocal && i.SharedSource == o.SharedSource && bytes.Equal(i.MAC, o.MAC) && (i.MAC == nil) == (o.MAC == nil) &&
		i.Managed == o.Managed && i.OtherConfig == o.OtherConfig && i.HopLimit == o.HopLimit && i.LinkMTU == o.LinkMTU &&
		i.ReachableTime == o.ReachableTime && i.RetransTimer == o.RetransTimer && i.RouterLifetime == o.RouterLifetime && i.Preference == o.Preference &&
		i.SNAC == o.SNAC && i.Interval == o.Interval && i.PacketSize == o.PacketSize &&
		(i.HomeAgent == o.HomeAgent || i.HomeAgent != nil && o.HomeAgent != nil && *i.HomeAgent == *o.HomeAgent)
}

// equalAudience compares to whom and when they are sent.
func (i *Interface) equalAudience(o *Interface) bool {
	return i.MinInterval == o.MinInterval && i.MaxInterval == o.MaxInterval && i.MinDelay == o.MinDelay && i.RandomDelay == o.RandomDelay &&
		i.SolicitRate == o.SolicitRate && i.UnicastOnly == o.UnicastOnly && i.Keep == o.Keep &&
		slices.Equal(i.Clients, o.Clients) && slices.Equal(i.Excluded, o.Excluded)
}

func (r Resolver) equal(o Resolver) bool {
	return r.Priority == o.Priority && r.Lifetime == o.Lifetime && r.Name == o.Name && slices.Equal(r.Addresses, o.Addresses) &&
		slices.EqualFunc(r.Parameters, o.Parameters, func(a, b SvcParam) bool { return a.Key == b.Key && bytes.Equal(a.Value, b.Value) })
}

func (r RawOption) equal(o RawOption) bool { return r.Type == o.Type && bytes.Equal(r.Data, o.Data) }

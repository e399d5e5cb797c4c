package router

// HandOver makes the end of Run silent, because another process of this router goes on within seconds: no final router
// advertisements, so that hosts keep their default route; no farewell to BGP neighbors that agreed to graceful restart (RFC 4724), so
// that they keep our routes; and the routes learnt from them stay in the kernel, which goes on forwarding meanwhile. It is called
// before the context of Run ends.
func (r *Router) HandOver() {
	r.ra.KeepSilent()
	r.main.bgp.KeepRoutes()
	r.vrfs.keepRoutes()
}

// keepRoutes makes the end of all instances silent.
func (s *instances) keepRoutes() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.vrfs {
		n.bgp.KeepRoutes()
	}
}

package config

func (b *builder) checkAddresses(*Config)    {}
func (b *builder) checkVXLANs(*Config)       {}
func (b *builder) checkMTU(*Config)          {}
func (b *builder) checkPools(*Config)        {}
func (b *builder) checkReservations(*Config) {}
func (b *builder) checkBGP(*Config)          {}

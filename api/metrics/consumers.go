package metrics

import "context"

func collectConsumers(ctx context.Context, b Backend, s *set) error {
	all, err := b.Consumers(ctx)
	if err != nil {
		return err
	}
	failing := s.gauge("sixfold_consumer_failing", "Whether a consumer of a delegation could not be told of what is now.", "delegation", "consumer")
	tries := s.counter("sixfold_consumer_tries_total", "How often it was tried to tell a consumer of a delegation.", "delegation", "consumer")
	failures := s.counter("sixfold_consumer_failures_total", "How often a consumer of a delegation could not be told.", "delegation", "consumer")
	for _, c := range all {
		value := 0.0
		if c.State == "failed" {
			value = 1
		}
		failing.add(value, c.Delegation, c.Name)
		tries.add(float64(c.Tries), c.Delegation, c.Name)
		failures.add(float64(c.Failures), c.Delegation, c.Name)
	}
	return nil
}

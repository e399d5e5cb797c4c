// Package config turns configuration text into checked, typed configuration.
package config

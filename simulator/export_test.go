package simulator

// Operations are the operations of the platform, as requests are counted.
func Operations() (all []string) {
	for _, o := range operations {
		all = append(all, o.key())
	}
	return all
}

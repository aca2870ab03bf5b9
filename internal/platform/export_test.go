package platform

// LargeListsUnderWay counts the places that large lists hold.
func LargeListsUnderWay() int { return len(largeLists) }

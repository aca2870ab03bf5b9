package architecture

// Sources are files of one package: their text by name.
type Sources map[string]string

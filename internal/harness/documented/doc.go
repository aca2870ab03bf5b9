// Package documented reads the fenced blocks of the documentation, so that tests run what the pages show.
//
// A test asks for the blocks of a section by literals of page and heading, and for how many there are: a block that is
// added to the page fails the test until it is run too. test/docs finds these requests in the sources, and fails when a
// block of commands is neither requested by a test nor marked with a reason why it is not run:
//
//	<!-- not run: needs an account -->
package documented

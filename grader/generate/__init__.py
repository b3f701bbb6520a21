"""What instructors hand out: stubs, notebook, handout and public cases, from the references and the assignment."""

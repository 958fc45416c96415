"""The test lab: namespaces, DNS, mail servers and the program under test."""

package connection

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	itwinv1alpha1 "webhook-operator.io/itwin/api/v1alpha1"
)

// credentialKeys are the keys of the Secret with the credentials: the exported constants of login.go that end so.
func credentialKeys(t *testing.T) (keys []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "login.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(node ast.Node) bool {
		spec, ok := node.(*ast.ValueSpec)
		if !ok || !spec.Names[0].IsExported() || !strings.HasSuffix(spec.Names[0].Name, "Key") {
			return true
		}
		key, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
		return true
	})
	return keys
}

// oneSecret is an API server that has the same Secret under every name.
type oneSecret struct {
	client.Reader
	data map[string][]byte
}

func (r oneSecret) Get(_ context.Context, _ client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	into.(*corev1.Secret).Data = r.data
	return nil
}

func TestEveryCredentialIsReadFromItsKey(t *testing.T) {
	g := NewWithT(t)
	data := map[string][]byte{}
	for _, key := range credentialKeys(t) {
		data[key] = []byte("value of " + key)
	}
	r := &Reconciler{Live: oneSecret{data: data}}
	options, err := r.options(t.Context(), &itwinv1alpha1.Connection{})
	g.Expect(err).NotTo(HaveOccurred())
	read := map[string][]byte{}
	credentials := reflect.ValueOf(options.Credentials)
	for i := range credentials.NumField() {
		value := credentials.Field(i).String()
		g.Expect(value).NotTo(BeEmpty(), "%s is not read", credentials.Type().Field(i).Name)
		read[strings.TrimPrefix(value, "value of ")] = []byte(value)
	}
	g.Expect(read).To(Equal(data), "each key is read into one field")
}

func TestEveryCredentialIsInTheReferenceAndInTheCRDs(t *testing.T) {
	g := NewWithT(t)
	page, err := os.ReadFile("../../docs/api.md")
	g.Expect(err).NotTo(HaveOccurred())
	_, row, found := strings.Cut(string(page), "\n| `spec.credentialsSecretRef` |")
	g.Expect(found).To(BeTrue())
	row, _, _ = strings.Cut(row, "\n")
	for _, key := range credentialKeys(t) {
		g.Expect(row).To(ContainSubstring("`" + key + "`"))
		for _, kind := range []string{"connections", "clusterconnections"} {
			crd, err := os.ReadFile("../../config/crd/bases/itwin.webhook-operator.io_" + kind + ".yaml")
			g.Expect(err).NotTo(HaveOccurred())
			_, description, _ := strings.Cut(string(crd), "description: credentialsSecretRef ")
			description, _, _ = strings.Cut(description, "properties:")
			g.Expect(description).To(ContainSubstring(key))
		}
	}
}
